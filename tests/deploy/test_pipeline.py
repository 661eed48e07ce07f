"""Steps of .github/workflows/ci.yml, as bash runs them there, with a `docker` that only tells what the test wants."""

import os
import subprocess

import pytest
import yaml

from cryptoml_site.embedded.home import SITE

COMPOSE = yaml.safe_load((SITE / "docker-compose.yml").read_text())["services"]
STEPS = yaml.safe_load((SITE / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["image"]["steps"]


def step(name):
    [found] = [each["run"] for each in STEPS if each.get("name", "").startswith(name)]
    return found


@pytest.fixture
def run(tmp_path):
    """run(STEP, SAID) is its exit status where docker says that and is content."""

    def as_github_does(name, said):
        docker = tmp_path / "docker"
        docker.write_text(f"#!/bin/sh\nprintf '%s' '{said}'\n")
        docker.chmod(0o755)
        env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "BETWEEN": "0"}
        return subprocess.run(["bash", "-e", "-c", step(name)], env=env, capture_output=True).returncode

    return as_github_does


def test_a_target_that_prometheus_does_not_reach_fails_the_pipeline(run):
    assert run("Prometheus sees it", "") == 1
    assert run("Prometheus sees it", 'up{instance="web:8000", job="cryptoml"} => 1 @[1]') == 0


def test_an_image_that_starts_without_a_database_fails_the_pipeline(run):
    assert run("without a database", "it serves") == 1


def test_nothing_that_ends_is_waited_for_as_if_it_ran():
    """`up --wait` fails where a container ends for whose end nothing waits."""
    [up] = [line for line in step("everything starts").splitlines() if "compose up" in line]
    named = set(up.partition("--wait-timeout 300")[2].split())
    waits = [item for each in COMPOSE.values() for item in each.get("depends_on", {}).items()]
    awaited = {name for name, how in waits if how["condition"] == "service_completed_successfully"}
    ends = {name for name, each in COMPOSE.items() if each.get("restart") == "no"}
    assert named, "it starts all, and first-run among them"
    assert named & (ends - awaited) == set()


def test_every_target_of_the_dockerfile_that_compose_runs_is_built():
    wanted = {each["build"].get("target") for each in COMPOSE.values() if "build" in each} - {None}
    assert all(f"--target {target} " in step("build every target") for target in wanted)
