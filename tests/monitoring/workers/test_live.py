"""Dead workers cannot alert: they and beat say that they live, and the web itself says when they do not."""

import os
import signal
import sys
from datetime import timedelta

import pytest
from django.db import connection
from django.db.utils import OperationalError

from cryptoml_site.celery import app
from cryptoml_site.clock import now
from monitoring.alerts.watching import watch
from monitoring.health import examine
from monitoring.metrics.system import system
from monitoring.models import Alert, AlertRule, WorkerHeartbeat
from monitoring.workers.heart import Heart, Pulse
from monitoring.workers.seen import Seen, seen
from predictions.fleet import fleet
from tests.e2e.conftest import Process, database_url, wait_for
from tests.e2e.conftest import worker as worker  # a fixture

pytestmark = pytest.mark.django_db


def heartbeat(name="worker", *duties, silent=0):
    seen_at = now() - timedelta(seconds=silent)
    facts = {"name": name, "host": "here", "pid": 1, "duties": list(duties or ("data",))}
    return WorkerHeartbeat.objects.create(**facts, seen_at=seen_at, started_at=now() - timedelta(hours=1))


@pytest.fixture(autouse=True)
def _nothing_seen():
    yield
    seen._seen = None


def test_health_without_any_worker_tells_of_none_and_misses_none():
    fleet.look()
    told = examine().as_json()
    assert told["background"] == {"beat": None, "workers": []}
    assert not [said for said in told["degraded"] if "last seen" in said]


def test_health_is_degraded_when_a_queue_or_beat_has_nobody_left():
    heartbeat("worker", "data", "monitoring")
    heartbeat("trainer", "training", silent=61)
    heartbeat("beat", "beat", silent=300)
    fleet.look()
    told = examine().as_json()
    assert told["status"] == "degraded"
    assert [said for said in told["degraded"] if "last seen" in said] == [
        "beat sends nothing that is due: it was last seen 5 minutes ago; look whether it runs",
        "nobody works at the queue 'training': trainer was last seen 1 minute ago; look whether it runs",
    ]
    assert told["background"]["beat"]["seen_seconds_ago"] == pytest.approx(300, abs=5)
    assert {each["name"]: each["queues"] for each in told["background"]["workers"]} == {
        "worker": ["data", "monitoring"],
        "trainer": ["training"],
    }
    assert "here" not in str(told["background"])  # no host is named to strangers


def test_while_postgres_is_away_nobody_grows_old(monkeypatch):
    heartbeat()
    looked = Seen()
    looked.look()

    def away(*args, **kwargs):
        raise OperationalError

    monkeypatch.setattr(WorkerHeartbeat.objects, "all", away)
    moment = now() + timedelta(minutes=10)
    monkeypatch.setattr("monitoring.workers.seen.now", lambda: moment)
    with pytest.raises(OperationalError):
        looked.look()
    assert looked.degraded() == []
    assert looked.as_json()["workers"][0]["seen_seconds_ago"] < 5


def test_the_metrics_count_who_lives():
    heartbeat()
    heartbeat("trainer", "training", silent=120)
    heartbeat("beat", "beat", silent=7)
    told = system()
    assert told["workers_alive"] == 1
    assert told["beat_age_seconds"] == pytest.approx(7, abs=2)


def test_a_worker_whose_loop_stands_still_does_not_live_unless_a_task_keeps_it(monkeypatch):
    heart = Heart(Pulse("worker", ["data"]), waits_for_tasks=True)
    assert heart.lives
    heart._turned_at -= 31
    assert not heart.lives
    heart.doing["id"] = ("training.train", now())
    assert heart.lives
    threaded = Heart(Pulse("fetcher", ["fetching"]), waits_for_tasks=False)
    threaded.doing["id"] = ("data.fetch_market", now())
    threaded._turned_at -= 31
    assert not threaded.lives


def test_a_heartbeat_while_postgres_is_away_stops_nobody(monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError

    monkeypatch.setattr(WorkerHeartbeat.objects, "update_or_create", away)
    monkeypatch.setattr(connection, "close", lambda: None)
    Pulse("worker", ["data"]).beat()


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("celery")
def test_a_killed_worker_is_missed_once_and_found_again_and_one_that_stops_is_not_missed(worker, set_clock, settings):
    AlertRule.objects.exclude(kind="worker_gone").update(enabled=False)
    first = worker("data")
    row = wait_for(lambda: WorkerHeartbeat.objects.first())
    assert (row.name, row.duties, row.pid) == ("data0", ["data"], first.popen.pid)
    first.kill()
    for minute in range(2, 6):
        set_clock(f"2026-11-23T10:0{minute}:00Z")
        watch()
    assert list(Alert.objects.values_list("subject", "times_seen")) == [("queue data", 4)]
    second = worker("data")
    wait_for(lambda: WorkerHeartbeat.objects.filter(pid=second.popen.pid).exists())
    for minute in range(6, 10):
        set_clock(f"2026-11-23T10:0{minute}:00Z")
        WorkerHeartbeat.objects.filter(pid=second.popen.pid).update(seen_at=now())
        watch()
    assert Alert.objects.get().state == "closed"
    second.popen.send_signal(signal.SIGTERM)
    second.popen.wait()
    assert not WorkerHeartbeat.objects.filter(pid=second.popen.pid).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("celery")
def test_beat_beats_and_stops_in_order(tmp_path, settings):
    app.control.purge()
    env = {**os.environ, "DATABASE_URL": database_url(), "CRYPTOML_HOME": str(settings.CRYPTOML_HOME)}
    argv = [sys.executable, "-m", "celery", "--app", "cryptoml_site.celery", "beat", "--pidfile", ""]
    beat = Process(argv, env, tmp_path / "beat.log")
    try:
        row = wait_for(lambda: WorkerHeartbeat.objects.first())
        assert (row.name, row.duties) == ("beat", ["beat"])
        before = row.seen_at
        wait_for(lambda: WorkerHeartbeat.objects.get().seen_at > before, seconds=40)
        beat.popen.send_signal(signal.SIGTERM)
        beat.popen.wait(timeout=30)
        assert not WorkerHeartbeat.objects.exists()
    finally:
        if beat.popen.poll() is None:
            beat.kill()
        app.control.purge()
