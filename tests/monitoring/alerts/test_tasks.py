"""What beat sends each minute: a look, then what waits is sent, then who watches from outside is told."""

import pytest
from celery import current_app
from kombu.exceptions import OperationalError

from cryptoml_site.schedules import SCHEDULES
from monitoring.alerts.queueing import send_soon
from monitoring.alerts.watched import BY_KIND
from monitoring.models import Notification
from monitoring.tasks import ping_deadman, send_to_channel, watch_task
from tests.monitoring.alerts.receivers import receiving

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch):
    names = []
    monkeypatch.setattr(
        "monitoring.alerts.queueing.current_app.send_task", lambda name, *args, **options: names.append(name)
    )
    return names


def test_each_minute_is_looked_and_sent():
    every_minute = {task for task, when, _ in SCHEDULES.values() if when["minute"] == "*"}
    assert {"monitoring.watch", "monitoring.send_notifications"} <= every_minute


def test_who_may_have_to_wait_for_others_waits_in_a_worker_with_threads():
    route = current_app.amqp.router.route
    for task in ("monitoring.send_to_channel", "monitoring.ping_deadman"):
        assert route({}, task)["queue"].name == "fetching"
    assert route({}, "monitoring.watch")["queue"].name == "monitoring"


def test_a_look_tells_the_dead_mans_switch_and_has_sent_what_it_found(
    rule, incident, sent, settings, tmp_path, django_capture_on_commit_callbacks
):
    settings.CRYPTOML_HOME, settings.DEADMAN_URL = tmp_path, "http://127.0.0.1:9/ping"
    incident()
    with django_capture_on_commit_callbacks(execute=True):
        watch_task()
    assert sorted(sent) == ["monitoring.ping_deadman", "monitoring.send_notifications"]
    assert (tmp_path / "logs" / "drift_events.jsonl").exists()
    send_to_channel(str(Notification.objects.get().channel_id))
    assert Notification.objects.get().state == "sent"


def test_a_look_that_could_not_judge_every_rule_tells_no_dead_mans_switch(sent, settings, tmp_path, monkeypatch):
    settings.CRYPTOML_HOME, settings.DEADMAN_URL = tmp_path, "http://127.0.0.1:9/ping"
    monkeypatch.setitem(BY_KIND, "drift", lambda rule, at: 1 / 0)
    watch_task()
    assert sent == []


def test_without_a_dead_mans_switch_nobody_is_told(sent, settings, tmp_path):
    settings.CRYPTOML_HOME, settings.DEADMAN_URL = tmp_path, ""
    watch_task()
    assert sent == []


def test_a_ping_in_vain_is_a_line_of_the_log_that_hides_the_address(settings, caplog):
    settings.DEADMAN_URL = "http://127.0.0.1:9/secret-id"
    ping_deadman()
    assert "DEADMAN_URL: the connection failed" in caplog.text
    assert "secret-id" not in caplog.text
    with receiving() as outside:
        settings.DEADMAN_URL = outside.url
        ping_deadman()
        assert len(outside.got) == 1


def test_without_a_broker_what_waits_is_left_to_the_next_minute(
    monkeypatch, caplog, django_capture_on_commit_callbacks
):
    def away(*args, **options):
        raise OperationalError("refused")

    monkeypatch.setattr("monitoring.alerts.queueing.current_app.send_task", away)
    with django_capture_on_commit_callbacks(execute=True):
        send_soon()
    assert "waits for the next minute" in caplog.text
