"""deploy/docker/entrypoint as a process; programs that say how they were started stand in for the real ones."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from cryptoml_site.embedded.home import SITE
from cryptoml_site.embedded.workers import worker_programs

ENTRYPOINT = SITE / "deploy" / "docker" / "entrypoint"
ROLES = ("web", "worker", "trainer", "fetcher", "beat", "migrate", "scrape-key")


@pytest.fixture
def run(tmp_path):
    """run("worker", DATABASE_URL="...") is what the container would have become."""
    for name in ("celery", "granian", "python"):
        (tmp_path / name).write_text('#!/bin/sh\necho "$(basename "$0") $*"\n')
        (tmp_path / name).chmod(0o755)

    def start(*argv, **env):
        env["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
        return subprocess.run([str(ENTRYPOINT), *argv], env=env, capture_output=True, text=True, timeout=30)

    return start


@pytest.mark.parametrize("argv", [(), *((role,) for role in ROLES), ("python", "manage.py", "migrate")])
def test_without_a_database_it_ends_with_one_sentence_that_names_compose(run, argv):
    ended = run(*argv)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (78, "", 1)
    assert ended.stderr.startswith("DATABASE_URL is not set")
    assert "docker compose up" in ended.stderr


def test_an_empty_database_url_is_none(run):
    assert run("web", DATABASE_URL="").returncode == 78


def test_the_web_is_what_runs_when_nothing_is_said(run):
    told = run(DATABASE_URL="postgres://db/x", PORT="10000", WEB_WORKERS="3").stdout
    assert told.startswith("granian --interface wsgi --host 0.0.0.0 --port 10000 --workers 3 --blocking-threads 16 ")
    assert told.endswith(" cryptoml_site.wsgi:application\n")
    assert told == run("web", DATABASE_URL="postgres://db/x", PORT="10000", WEB_WORKERS="3").stdout


def queues(words):
    return words[words.index("--queues") + 1] if "--queues" in words else "beat"


@pytest.mark.parametrize("program", worker_programs(), ids=lambda program: program.name)
def test_each_worker_does_what_it_does_under_make_up(run, program):
    told = run(program.name, DATABASE_URL="postgres://db/x").stdout.split()
    assert told[0] == "celery"
    assert queues(told) == queues(list(program.command))
    for word in ("--pool", "--concurrency", "--include", "--hostname"):
        there = program.command[program.command.index(word) + 1] if word in program.command else None
        assert (told[told.index(word) + 1] if word in told else None) == there


def test_migrate_migrates_and_any_other_command_is_run_as_it_is(run):
    assert run("migrate", DATABASE_URL="postgres://db/x").stdout == "python manage.py migrate --noinput\n"
    assert run("echo", "as it is").stdout == "as it is\n"


def test_it_becomes_what_it_runs():
    """So that a stop reaches it: the shell is gone."""
    with subprocess.Popen([str(ENTRYPOINT), "sleep", "60"]) as process:
        try:
            deadline = time.monotonic() + 10
            while (name := Path(f"/proc/{process.pid}/comm").read_text()) != "sleep\n" and time.monotonic() < deadline:
                time.sleep(0.01)
            assert name == "sleep\n"
        finally:
            process.terminate()
