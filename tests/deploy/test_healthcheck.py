"""deploy/docker/healthcheck.py as a process, as a container's health is asked."""

import os
import socket
import subprocess
import sys
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.db import connection

from cryptoml_site.clock import now
from cryptoml_site.embedded.home import SITE
from deploy.docker.healthcheck import SILENCE
from monitoring.models import WorkerHeartbeat
from tests.deploy.conftest import free_port


def asked(what, **env):
    command = [sys.executable, "-I", str(SITE / "deploy" / "docker" / "healthcheck.py"), what]
    return subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, timeout=30)


@pytest.fixture
def database(transactional_db):
    facts = connection.settings_dict
    host = quote(str(facts["HOST"]), safe="")
    return {"DATABASE_URL": f"postgres://{facts['USER']}@{host}:{facts['PORT'] or 5432}/{facts['NAME']}"}


def beat(*, ago=0, host=None):
    moment = now() - timedelta(seconds=ago)
    WorkerHeartbeat.objects.create(
        name="worker", host=host or socket.gethostname(), pid=1, duties=["data"], seen_at=moment
    )


def test_a_worker_is_well_while_its_heartbeat_is_young(database):
    beat(ago=SILENCE - 30)
    assert asked("worker", **database).returncode == 0


def test_a_worker_that_fell_silent_is_not(database):
    beat(ago=SILENCE + 10)
    beat(host="another-container")
    told = asked("worker", **database)
    assert (told.returncode, told.stderr.count("\n")) == (1, 1)
    assert "has said for 60 s that it lives" in told.stderr


def test_it_counts_as_the_site_does():
    assert timedelta(seconds=SILENCE) == WorkerHeartbeat.SILENCE


def test_without_postgres_a_worker_is_not_well():
    assert asked("worker", DATABASE_URL=f"postgres://x@127.0.0.1:{free_port()}/x").returncode == 1


def test_a_web_that_does_not_answer_is_not_well():
    told = asked("web", PORT=str(free_port()))
    assert (told.returncode, told.stderr.count("\n")) == (1, 1)
