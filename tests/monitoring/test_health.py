"""/health: open to everybody, and it says what is wrong."""

from datetime import timedelta
from threading import Thread

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from cryptoml_site.clock import now
from monitoring import health
from monitoring.log_state import LogState
from predictions.engine import engine
from predictions.fleet import fleet
from predictions.follower import Follower, follower
from predictions.keyring import KeyRing, keyring
from predictions.log import Log, log
from predictions.log.spool import Record
from predictions.models import WebProcess
from registry.models import Deployment
from tests.factories import make_version

pytestmark = pytest.mark.django_db
RECORD = Record(b"row" * 100, 3)


@pytest.fixture(autouse=True)
def own_log(tmp_path, monkeypatch):
    """A log with a spool of its own; nothing in it ever reaches Postgres."""
    own = Log(tmp_path / "spool", limit=10_000, deadline=1.0, relaxed=False)
    monkeypatch.setattr(health, "log", own)
    return own


@pytest.fixture
def following(monkeypatch, settings, tmp_path):
    """A process that serves one model and follows the ledger."""
    settings.STATE_DIR = tmp_path / "state"
    engine.__init__()
    fleet.__init__()  # of other tests
    make_version().promote(actor="user:o", reason="first")
    monkeypatch.setattr(follower, "last_look", None)
    follower.look(keys=True)
    return follower


@pytest.fixture
def started(following, monkeypatch):
    """As `following`, in its own thread, so that nobody else looks."""
    monkeypatch.setattr(follower, "_ident", 1)
    fleet.look()
    return following


@pytest.fixture
def away(started, monkeypatch):
    """Postgres does not answer the follower any more."""
    monkeypatch.setattr(follower, "last_look", follower.last_look - 5)


def asked(client, path="/health"):
    return client.get(path).json()


def one_sentence(client):
    [sentence] = asked(client)["degraded"]
    return sentence


def make_process(**facts):
    return WebProcess.objects.create(
        **{"host": "secret-host", "pid": 1, "generation": engine.snapshot.generation, **facts}
    )


def lose(writer, fault):
    writer.fault = fault
    writer.away.set()


# What it says


def test_a_process_in_order_says_ok_and_what_it_serves(client, following):
    body = asked(client)
    assert (body["status"], body["degraded"]) == ("ok", [])
    assert body["models"]["bitcoin-usd-1d"]["version"] == 1
    assert body["generation"] == engine.snapshot.generation > 0
    assert set(body["system"]) >= {"cpu_percent", "memory_percent", "disk_free_percent", "uptime_seconds"}
    assert (body["rate_limit"], body["keys"]["confirmed_seconds_ago"] < 5) == ("ok", True)


def test_the_log_tells_its_writers_its_spool_and_what_was_refused(client, following):
    assert asked(client)["log"] == {
        "writers": {"answers": "idle", "batches": "idle"},
        "away": False,
        "why": None,
        "spool_rows": 0,
        "spool_bytes": 0,
        "spool_limit_bytes": 10_000,
        "refused_rows": 0,
        "refused_bytes": 0,
        "damaged_bytes": 0,
    }


def test_the_heartbeat_tells_which_generation_is_served_and_what_waits_in_the_spool(client, following, own_log):
    own_log.spool.append([RECORD])
    Follower(engine, keyring, own_log).beat()
    [worker] = [worker for worker in asked(client)["workers"] if worker["spool_rows"]]
    assert (worker["generation"], worker["spool_rows"]) == (engine.snapshot.generation, 3)
    assert worker["behind_seconds"] == 0


def test_nothing_secret_is_said(client, following, own_log):
    make_process()
    lose(own_log.answers, 'connection to server at "db.internal", port 5432 failed: FATAL: password of user "anna"')
    said = client.get("/health").content.decode() + client.get("/health/ready").content.decode()
    for secret in ("secret-host", "db.internal", "anna", str(own_log.spool.folder)):
        assert secret not in said


# What counts as degraded


def test_a_writer_that_died_is_said(client, following, own_log):
    thread = Thread(target=lambda: None)
    thread.start()
    thread.join()
    own_log.batches._thread = thread
    assert one_sentence(client) == "the log's batches writer died"
    assert asked(client)["log"]["writers"]["batches"] == "dead"


@pytest.mark.parametrize(
    ("fault", "why"), [("wait timeout expired", "it takes too long"), ("no such host", "the connection failed")]
)
def test_a_postgres_that_takes_no_rows_is_said_with_the_reason(client, following, own_log, fault, why):
    lose(own_log.answers, fault)
    assert one_sentence(client) == f"Postgres does not take answers, so they go to the spool: {why}"
    told = asked(client)
    assert (told["log"]["away"], told["log"]["why"], told["dependencies"]["postgres"]) == (True, why, why)


def test_rows_that_wait_in_the_spool_are_said(client, following, own_log):
    own_log.spool.append([RECORD])
    assert one_sentence(client).startswith("answers wait for Postgres in the spool: 3 of this process, 0 of others")
    assert asked(client)["log"]["spool_rows"] == 3
    assert asked(client)["log"]["spool_bytes"] > 300


def test_what_a_dead_process_left_in_the_spool_is_said(client, following, tmp_path):
    dead = Log(tmp_path / "spool", limit=10_000, deadline=1.0, relaxed=False)
    dead.spool.append([RECORD])
    assert "0 of this process" in one_sentence(client)


def test_rows_in_the_spool_of_another_machine_are_said(client, following):
    make_process(spool_rows=7)
    assert "7 of others when last seen" in one_sentence(client)


def test_a_spool_that_is_nearly_full_is_said(client, following, own_log):
    own_log.spool.append([Record(b"x" * 8_500, 1)])
    assert any("% full: at its limit answers are refused" in sentence for sentence in asked(client)["degraded"])


@pytest.mark.parametrize(
    ("suffix", "said"),
    [(".refused", "Postgres refused rows of the spool"), (".damaged", "a file of the spool was damaged")],
)
def test_rows_that_could_not_be_replayed_are_said_until_their_file_is_gone(client, following, own_log, suffix, said):
    own_log.spool.folder.mkdir()
    kept = (own_log.spool.folder / "x").with_suffix(suffix)
    kept.write_bytes(RECORD.as_bytes())
    assert said in one_sentence(client)
    kept.unlink()
    assert asked(client)["status"] == "ok"


@pytest.mark.parametrize(("seconds", "degraded"), [(1, False), (3, True)])
def test_a_worker_that_serves_an_older_generation_for_over_two_seconds_is_said(client, following, seconds, degraded):
    moved_at = Deployment.objects.earliest("generation").created_at
    stale = make_process(generation=0, seen_at=moved_at + timedelta(seconds=seconds))
    make_process()
    found = asked(client)["degraded"]
    said = f"worker {str(stale.pk)[:8]} serves generation 0, older than the newest ({engine.snapshot.generation})"
    assert [sentence.startswith(said) for sentence in found] == [True] * degraded


def test_a_move_after_a_workers_heartbeat_is_none_that_it_missed(client, following):
    make_process(generation=0, seen_at=now() - timedelta(seconds=5))
    assert asked(client)["status"] == "ok"


@pytest.mark.parametrize(("seconds", "degraded"), [(50, False), (70, True)])
def test_keys_unconfirmed_for_over_a_minute_are_said(client, following, seconds, degraded):
    keyring.confirmed_at -= timedelta(seconds=seconds)
    found = asked(client)["degraded"]
    assert [sentence.startswith("API keys were last confirmed 1 minute ago") for sentence in found] == [True] * degraded


def test_keys_that_were_never_confirmed_are_said(client, following):
    keyring.__init__()
    assert one_sentence(client) == "no API key was ever confirmed by Postgres to this process"
    assert asked(client)["keys"] == {"confirmed_seconds_ago": None}


def test_limits_that_each_process_keeps_for_itself_are_said(client, following, monkeypatch):
    monkeypatch.setattr(health.limiter, "_away", True)
    monkeypatch.setattr(health.limiter, "_retry_at", float("inf"))
    assert asked(client)["rate_limit"] == "local"


def test_without_valkey_it_is_degraded_but_ready(client, following, settings):
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"
    body = asked(client)
    assert (body["status"], body["dependencies"]["valkey"]) == ("degraded", "ConnectionError")
    assert client.get("/health/ready").status_code == 200


# While Postgres is away


def test_a_postgres_that_does_not_answer_the_follower_is_said(client, away):
    assert one_sentence(client) in {f"Postgres does not answer: not for {seconds} s" for seconds in (5, 6)}


def test_no_look_at_health_waits_for_postgres(client, away, own_log):
    make_process()
    with CaptureQueriesContext(connection) as asked_of_postgres:
        for path in ("/health", "/health/ready", "/health/live"):
            assert client.get(path).status_code == 200
    assert asked_of_postgres.captured_queries == []


def test_the_workers_last_seen_stay_while_postgres_is_away(client, away):
    seen_id = make_process().pk
    fleet.look()
    WebProcess.objects.all().delete()
    assert str(seen_id) in {worker["id"] for worker in asked(client)["workers"]}


def test_where_no_follower_runs_health_looks_for_itself(client, following, monkeypatch):
    monkeypatch.setattr(fleet, "look", lambda: (_ for _ in ()).throw(OperationalError("away")))
    assert one_sentence(client) == "Postgres does not answer: OperationalError"


def test_a_process_that_lost_the_ledger_says_so(client, started, monkeypatch):
    monkeypatch.setattr(follower, "last_look", follower.last_look - 11)
    assert "this process does not follow the ledger: promotions do not reach it" in asked(client)["degraded"]


# Ready


def test_it_is_ready_without_postgres_while_the_spool_takes_rows(client, away):
    assert client.get("/health/ready").status_code == 200


def test_it_is_not_ready_without_postgres_when_the_spool_is_full(client, away, own_log):
    own_log.spool.append([Record(b"x" * 9_000, 1)])
    own_log.spool.limit = 9_000
    assert client.get("/health/ready").status_code == 503


def test_it_is_not_ready_without_postgres_when_the_spool_cannot_be_written(client, away, monkeypatch):
    monkeypatch.setattr("monitoring.log_state.os.access", lambda *_: False)
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert any("cannot be written" in reason for reason in response.json()["reasons"])


def test_it_is_not_ready_without_postgres_once_the_disk_is_full(own_log, monkeypatch):
    full = type("Usage", (), {"total": 10, "free": 0})()
    monkeypatch.setattr("monitoring.log_state.shutil.disk_usage", lambda _: full)
    assert not LogState.of(own_log).spool_takes_rows


@pytest.mark.parametrize(("scopes", "status"), [((), 503), (("predict",), 200)])
def test_it_is_not_ready_without_postgres_once_no_key_holds(client, away, settings, scopes, status):
    settings.ANONYMOUS_SCOPES = frozenset(scopes)
    keyring.confirmed_at -= KeyRing.UNCONFIRMED
    assert client.get("/health/ready").status_code == status


def test_while_postgres_answers_a_full_spool_leaves_it_ready(client, started, own_log):
    own_log.spool.limit = 0
    assert client.get("/health/ready").status_code == 200


def test_while_a_writer_is_away_a_full_spool_is_not_ready(client, started, own_log):
    own_log.spool.limit = 0
    lose(own_log.answers, "wait timeout expired")
    assert client.get("/health/ready").status_code == 503


def test_without_a_model_it_is_alive_but_not_ready(client):
    engine.__init__()
    assert client.get("/health/live").status_code == 200
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert "no model is in production" in response.json()["reasons"]


def test_a_probe_is_never_told_that_it_asks_too_often(client, following, settings):
    settings.RATE_LIMIT = 1
    for path in ("/health/live", "/health/ready"):
        assert {client.get(path).status_code for _ in range(3)} == {200}


def test_the_process_that_runs_the_tests_left_its_own_log_alone():
    assert log.spool.rows == 0
