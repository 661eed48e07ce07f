"""GET /metrics and a day of it: what was answered, to who may know, and null where nothing was."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from monitoring.metrics.reading import Tail
from monitoring.models import Watermark
from predictions.models import Scope
from tests.factories import make_prediction, make_version
from tests.monitoring.metrics.conftest import NOON, respond
from tests.predictions.conftest import client_with

EMPTY = {"mean": None, "p50": None, "p90": None, "p95": None, "p99": None}


def metrics(client, **asked):
    answer = client.get("/metrics", asked)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_it_counts_what_was_answered(answered, client):
    found = metrics(client)
    assert found["timestamp"] == "2026-11-23T12:00:00Z"
    assert (found["count"], found["prediction_distribution"], found["abstained"]) == (4, {"up": 2, "down": 1}, 1)
    assert found["confidence"]["mean"] == pytest.approx((0.8 + 0.6 + 0.6) / 3)
    assert found["confidence"]["std"] == pytest.approx(0.0942809, rel=1e-5)
    assert found["by_role"] == {"production": 4}


def test_it_times_the_answers_and_counts_the_errors(answered, client):
    found = metrics(client)
    assert (found["requests"], found["error_rate"], found["server_error_rate"]) == (4, 0.25, 0.0)
    assert found["request_rate"] == pytest.approx(4 / 86_400)
    assert found["errors"] == {"missing_field": 1}
    times = found["response_time_ms"]
    assert times["mean"] == pytest.approx(700 / 3)
    assert [times[name] for name in ("p50", "p90", "p95", "p99")] == pytest.approx([200, 400, 400, 400], rel=0.02)


@pytest.mark.parametrize(("window", "count"), [("1m", 1), ("59m", 1), ("61m", 4), ("1h", 3), ("7d", 4), ("366d", 4)])
def test_a_window_holds_its_minutes_alone(answered, client, window, count):
    assert metrics(client, window=window)["count"] == count


def test_it_is_of_one_model_or_one_version_where_asked(answered, client):
    make_prediction(made_at=NOON, version=make_version(model=answered.model))
    name = answered.model.name
    assert [metrics(client, model=name)["count"], metrics(client, model=name, version=2)["count"]] == [5, 1]
    assert metrics(client, model=name, version=1)["requests"] == 3
    assert metrics(client, model=name)["error_rate"] is None


def test_an_answer_of_just_now_counts_before_any_pass(answered, client, noon):
    noon((NOON + timedelta(seconds=50)).isoformat())
    make_prediction(made_at=NOON + timedelta(seconds=49), version=answered)
    respond(noon, 0.2, at=NOON + timedelta(seconds=49))
    noon((NOON + timedelta(seconds=50)).isoformat())
    assert (metrics(client)["count"], metrics(client)["requests"]) == (5, 5)


def test_the_log_is_read_once_for_all_who_ask_within_a_second(answered, client, monkeypatch):
    assert metrics(client)["count"] == 4
    make_prediction(made_at=NOON, version=answered)
    assert metrics(client, window="1h")["count"] == 3
    monkeypatch.setattr(Tail, "LIFE", 0.0)
    assert metrics(client)["count"] == 5


def test_a_log_that_did_not_answer_is_asked_again_by_the_next(answered, client, monkeypatch):
    with monkeypatch.context() as away:
        away.setattr("monitoring.metrics.reading.counted_now", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            metrics(client)
    assert metrics(client)["count"] == 4


def test_a_shadow_is_answered_to_nobody(answered, client):
    make_prediction(made_at=NOON, version=answered, role="shadow")
    assert metrics(client)["count"] == 4


def test_nothing_is_null_and_not_zero(noon, client):
    found = metrics(client)
    assert (found["count"], found["requests"], found["request_rate"]) == (0, 0, 0.0)
    assert (found["confidence"], found["error_rate"], found["response_time_ms"]) == (
        {"mean": None, "std": None},
        None,
        EMPTY,
    )


def test_accuracy_says_how_little_it_is_of(answered, client):
    answered.promote(actor="user:operator", reason="first")
    found = metrics(client)["accuracy"]["bitcoin-usd-1d"]
    assert (found["value"], found["n"], found["version"]) == (None, 0, 1)
    assert "30" in found["why"]


def test_minutes_that_no_worker_counted_are_said(answered, client, noon):
    noon((NOON + timedelta(hours=2)).isoformat())
    assert metrics(client)["window"]["not_counted"]["from"] == "2026-11-23T11:58:00Z"


def test_the_system_tells_its_ages(answered, client):
    found = metrics(client)["system"]
    assert set(found["queues"]) == {"data", "fetching", "monitoring", "training"}
    assert found["roll_up_age_seconds"] == 0.0
    assert {"cpu_percent", "memory_percent", "disk_free_percent", "uptime_seconds", "spool_rows"} < set(found)


@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        ({"window": "abc"}, 400, "window"),
        ({"window": "0h"}, 400, "window"),
        ({"window": "-1d"}, 400, "window"),
        ({"window": "367d"}, 400, "window"),
        ({"window": "999999999d"}, 400, "window"),
        ({"version": "1"}, 400, "model"),
        ({"model": "nobody"}, 404, "model"),
        ({"model": "bitcoin-usd-1d", "version": "x"}, 400, "version"),
        ({"model": "bitcoin-usd-1d", "version": "9"}, 404, "version"),
        ({"days": "7"}, 400, "days"),
    ],
)
def test_bad_input_is_named(answered, client, asked, status, field):
    answer = client.get("/metrics", asked)
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (status, field)


# --- a day ---


def test_a_day_holds_its_own(answered, client):
    assert client.get("/metrics/daily/20261123").json()["count"] == 4
    before = client.get("/api/v1/metrics/daily/20261122").json()
    assert (before["date"], before["count"], before["error_rate"]) == ("20261122", 0, None)
    assert before["response_time_ms"] == EMPTY


@pytest.mark.parametrize("date", ["20261124", "20261301", "2026-11-23", "abc", "00000000", "99991231", "202611231"])
def test_a_day_that_is_none_is_refused(noon, client, date):
    answer = client.get(f"/metrics/daily/{date}")
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "date")


# --- who may ---


@pytest.mark.parametrize("path", ["/metrics", "/metrics/daily/20261122"])
def test_only_who_may_read_metrics_reads_them(noon, client, path):
    assert Client().get(path).status_code == 401
    assert client_with([Scope.PREDICT]).get(path).status_code == 403
    assert client.get(path).status_code == 200


def test_staff_see_them_by_permission(noon, django_user_model):
    user = django_user_model.objects.create_user("anna", is_staff=True)
    browser = Client()
    browser.force_login(user)
    assert browser.get("/metrics").status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_modelversion"))
    assert browser.get("/metrics").status_code == 200


def test_a_watermark_is_one(answered):
    assert Watermark.objects.count() == 1
