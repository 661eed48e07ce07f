"""/health: open to everybody, and it says what is wrong."""

import pytest

from predictions import log
from predictions.engine import engine
from predictions.follower import Follower, follower
from predictions.keyring import keyring
from predictions.models import WebProcess
from tests.factories import make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def following(monkeypatch):
    """A process that serves one model and follows the ledger."""
    engine.__init__()
    make_version().promote(actor="user:o", reason="first")
    monkeypatch.setattr(follower, "last_look", None)
    follower.look()


def test_a_process_in_order_says_ok_and_what_it_serves(client, following):
    body = client.get("/health").json()
    assert (body["status"], body["degraded"]) == ("ok", [])
    assert body["models"]["bitcoin-usd-1d"]["version"] == 1
    assert body["generation"] == engine.snapshot.generation > 0
    assert set(body["system"]) >= {"cpu_percent", "memory_percent", "disk_free_percent", "uptime_seconds"}


def test_the_heartbeat_tells_which_generation_is_served(client, following):
    Follower(engine, keyring, log.log).beat()
    workers = client.get("/health").json()["workers"]
    assert {worker["generation"] for worker in workers} == {engine.snapshot.generation}
    assert WebProcess.objects.filter(generation=engine.snapshot.generation).exists()


def test_without_valkey_it_is_degraded_but_ready(client, following, settings):
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"
    body = client.get("/health").json()
    assert (body["status"], body["dependencies"]["valkey"]) == ("degraded", "ConnectionError")
    assert client.get("/health/ready").status_code == 200


def test_without_a_model_it_is_alive_but_not_ready(client):
    engine.__init__()
    assert client.get("/health/live").status_code == 200
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert "no model is in production" in response.json()["reasons"]
