"""What docker-compose.yml promises of every container."""

import re
import stat
import subprocess
from shutil import copy

import pytest
import yaml

from cryptoml_site.embedded.home import SITE

TEXT = (SITE / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
ENDING = {"migrate", "first-run", "scrape-key", "tools"}  # they do one thing
SECRETS = ("SECRET_KEY", "POSTGRES_PASSWORD", "POSTGRES_OWNER_PASSWORD", "GRAFANA_PASSWORD")


@pytest.mark.parametrize("name", SERVICES)
def test_none_can_gain_a_privilege_or_write_to_its_own_files(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", []))


@pytest.mark.parametrize("name", SERVICES)
def test_each_has_a_limit_a_health_check_and_a_rule_for_its_end(name):
    service = SERVICES[name]
    assert service["mem_limit"]
    assert service["restart"] == ("no" if name in ENDING else "unless-stopped")
    assert service["healthcheck"].get("disable", False) is (name in ENDING)
    assert ("test" in service["healthcheck"]) is (name not in ENDING)


def test_ours_have_no_capability_at_all():
    assert [name for name, service in SERVICES.items() if "build" in service and "cap_add" in service] == []


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_has_a_default(secret):
    uses = re.findall(rf"\$\{{{secret}([^}}]*)\}}", TEXT)
    assert uses
    assert {use[:2] for use in uses} == {":?"}


def test_one_port_is_published_and_on_this_machine_alone():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published.pop("tls")  # a profile, that a domain asks for
    assert published == {"proxy": ["${PUBLISH_ON:-127.0.0.1}:${PORT:-8000}:8080"]}


def test_postgres_and_the_queues_are_out_of_reach():
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert SERVICES["db"]["networks"] == SERVICES["cache"]["networks"] == ["inside"]
    reached = {name for name, service in SERVICES.items() if "inside" in service.get("networks", [])}
    assert {"proxy", "tls", "grafana", "prometheus"}.isdisjoint(reached)


def test_prometheus_alone_reads_the_key_that_is_made_for_it():
    holders = {
        name for name, service in SERVICES.items() if any("keys:" in each for each in service.get("volumes", []))
    }
    assert holders == {"scrape-key", "prometheus"}
    assert "keys:/keys:ro" in SERVICES["prometheus"]["volumes"]


def test_every_file_that_is_mounted_is_there():
    mounted = [volume for service in SERVICES.values() for volume in service.get("volumes", []) if volume[0] == "."]
    assert mounted
    assert [each for each in mounted if not (SITE / each.partition(":")[0]).exists()] == []


def without_comments(path):
    return yaml.safe_load((SITE / path).read_text())


def test_prometheus_is_configured_as_elsewhere_but_for_names():
    ours, theirs = map(without_comments, ("deploy/prometheus/prometheus.yml", "deploy/compose/prometheus.yml"))
    [job] = ours["scrape_configs"]
    job["static_configs"] = [{"targets": ["web:8000"]}]
    job["authorization"]["credentials_file"] = "/keys/cryptoml.key"
    ours["rule_files"] = ["/etc/prometheus/alerts.yml"]
    assert ours == theirs


def test_grafana_is_configured_as_elsewhere_but_for_a_name():
    ours, theirs = (without_comments(f"deploy/{folder}/cryptoml.yml") for folder in FOLDERS)
    ours["datasources"][0]["url"] = "http://prometheus:9090"
    assert ours == theirs


FOLDERS = ("grafana/provisioning/datasources", "compose/datasources")


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "deploy").mkdir()
    copy(SITE / "deploy" / "make-env", tmp_path / "deploy")
    copy(SITE / ".env.example", tmp_path)
    return tmp_path


def make_env(checkout, **env):
    return subprocess.run(
        [str(checkout / "deploy" / "make-env")], env={"PATH": "/usr/bin:/bin", **env}, capture_output=True
    )


def test_make_env_writes_secrets_that_differ_for_its_owner_alone(checkout):
    assert make_env(checkout).returncode == 0
    written = dict(re.findall(r"^([A-Z_]+)=(.*)$", (checkout / ".env").read_text(), re.MULTILINE))
    values = [written[secret] for secret in SECRETS]
    assert [len(value) for value in values] == [64] * 4
    assert len(set(values)) == 4
    assert all(value.isalnum() for value in values)  # they stand in URLs
    assert stat.S_IMODE((checkout / ".env").stat().st_mode) == 0o600


def test_make_env_leaves_an_existing_one(checkout):
    (checkout / ".env").write_text("SECRET_KEY=mine\n")
    refused = make_env(checkout)
    assert (refused.returncode, (checkout / ".env").read_text()) == (1, "SECRET_KEY=mine\n")
    assert b"already here" in refused.stderr


def test_make_env_says_whatever_compose_must_be_told(checkout):
    make_env(checkout, PORT="8001")
    written = (checkout / ".env").read_text()
    required = set(re.findall(r"\$\{([A-Z_]+):\?", TEXT))
    assert required <= set(re.findall(r"^([A-Z_]+)=", written, re.MULTILINE))
    assert "\nPUBLIC_URL=http://localhost:8001\n" in written
    assert "\nPORT=8001\n" in written
