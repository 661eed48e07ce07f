"""What each kind of rule finds wrong, and what it leaves alone."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cryptoml_site.clock import now
from monitoring.alerts.kinds import ASKS, Kind
from monitoring.alerts.watched import BY_KIND
from monitoring.alerts.watching import watch
from monitoring.failed_tasks import FailedTasks
from monitoring.live import LiveRate
from monitoring.models import AlertRule, DriftCheck, Watermark, WorkerHeartbeat
from predictions.histograms import bucket_of
from predictions.models import ResponseMinute, WebProcess
from predictions.partitions import ensure_partitions, strays
from tests.factories import make_market, make_model, make_prediction, make_version
from training.models import RetrainingPolicy, TrainingRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


def found(kind, **facts):
    """What the kind's rule finds, with these fields changed."""
    asks = ASKS[Kind(kind)]
    usual = {"threshold": asks.threshold and asks.threshold.default, "minutes": asks.minutes}
    return BY_KIND[Kind(kind)](AlertRule(name="x", kind=kind, **{**usual, **facts}), now())


def subjects(kind, **facts):
    return [firing.subject for firing in found(kind, **facts)]


@pytest.fixture
def production(db):
    version = make_version()
    version.promote(actor="user:operator", reason="first")
    return version


def answered(*, responses, seconds=0.01, status=2, model="bitcoin-usd-1d", minutes_ago=1):
    minute = (now() - timedelta(minutes=minutes_ago)).replace(second=0, microsecond=0)
    ResponseMinute.objects.create(
        process=f"00000000-0000-0000-0000-{ResponseMinute.objects.count():012}",
        minute=minute,
        method="POST",
        route="api/v1/predict",
        status_class=status,
        code="" if status < 4 else "internal",
        model=model if status < 4 else "",
        version=1 if status < 4 else None,
        count=responses,
        seconds_total=seconds * responses,
        buckets={str(bucket_of(seconds)): responses},
    )


def test_a_p99_over_the_threshold_fires(production):
    answered(responses=98)
    answered(responses=2, seconds=2.0)
    [firing] = found("latency")
    assert firing.figures["p99_ms"] == pytest.approx(2_000, rel=0.02)
    assert "p99 of 100 within 10 minutes" in firing.sentence
    assert subjects("latency", threshold=3_000.0) == []
    assert subjects("latency", model=production.model) == ["bitcoin-usd-1d"]
    assert subjects("latency", model=make_model("other", default=False)) == []


def test_few_slow_answers_and_those_before_the_window_alarm_nobody(db):
    answered(responses=99, seconds=2.0)
    answered(responses=500, seconds=2.0, minutes_ago=13)
    assert found("latency") == []


@pytest.mark.parametrize(("status", "fires"), [(5, True), (4, False)])
def test_requests_that_fail_here_fire_and_what_clients_do_wrong_does_not(status, fires):
    answered(responses=97)
    answered(responses=3, status=status)
    assert (subjects("errors") == ["all models"]) == fires


def test_at_the_threshold_is_not_over_it():
    answered(responses=98)
    answered(responses=2, status=5)
    assert found("errors") == []


@pytest.mark.parametrize(
    ("live", "threshold", "fires"),
    [
        (LiveRate(150, 0.40, 0.35, 0.45, 0.52), None, True),
        (LiveRate(150, 0.50, 0.45, 0.55, 0.52), None, False),
        (LiveRate(99, 0.30, 0.25, 0.35, 0.52), None, False),  # too few
        (LiveRate(20), None, False),
        (LiveRate(150, 0.50, 0.45, 0.55, 0.52), 0.6, True),
        (LiveRate(150, 0.40, 0.35, 0.45, 0.52), 0.4, False),
    ],
)
def test_a_hit_rate_fires_when_its_whole_interval_is_below(production, monkeypatch, live, threshold, fires):
    monkeypatch.setattr(
        "monitoring.alerts.watched.forecasts.live_rates", lambda versions, at: {v.model_id: live for v in versions}
    )
    assert (subjects("hit_rate", threshold=threshold) == ["bitcoin-usd-1d"]) == fires


def test_a_stale_market_of_production_fires_unless_it_was_loaded_from_a_file(production):
    market = make_market(newest=now() - timedelta(days=9))
    assert subjects("stale_data") == []
    assert subjects("stale_data", model=production.model) == ["bitcoin-usd-1d"]
    type(market).objects.update(source="coingecko")
    [firing] = found("stale_data")
    assert firing.figures["age"] == "8 days"
    production.model.versions.update(stage="archived")
    assert subjects("stale_data") == []


def test_a_market_that_is_gone_fires_and_a_fresh_one_does_not(production):
    assert subjects("stale_data") == ["bitcoin-usd-1d"]
    market = make_market(newest=now() - timedelta(hours=30))
    type(market).objects.update(source="coingecko")
    assert subjects("stale_data") == []


def run_of(model, **facts):
    market = make_market() if not model.training_runs.exists() else model.training_runs.first().market
    usual = {"feature_set": "classic", "estimator": "xgboost", "actor": "user:x", "finished_at": now()}
    return TrainingRun.objects.create(model=model, market=market, **{**usual, **facts})


def test_a_failed_run_fires_until_a_later_one_succeeds_or_the_window_is_over(db):
    model = make_model()
    run_of(model, status="failed", error="too few rows", finished_at=now() - timedelta(hours=2))
    run_of(model, status="failed", error="no memory", finished_at=now() - timedelta(hours=1))
    [firing] = found("failed_run")
    assert (firing.subject, "no memory" in firing.sentence) == (model.name, True)
    assert found("failed_run", minutes=30) == []
    run_of(model, status="succeeded", version=make_version(model=model))
    assert found("failed_run") == []


def test_a_version_that_its_policy_could_not_stage_fires_with_the_gates_words(db):
    version = make_version()
    policy = RetrainingPolicy.objects.create(model=version.model, every_days=1)
    said = "12:00 version 1 stays candidate: bitcoin-usd-1d version 1 may not answer. EdgeOverBaseline fail: no edge\n"
    run_of(version.model, status="succeeded", version=version, policy=policy, considered_at=now(), log=said)
    [firing] = found("gate_refused")
    assert "stays candidate" in firing.sentence
    assert "EdgeOverBaseline fail: no edge" in firing.sentence
    version.to_staging(actor="user:anna", reason="by hand")
    assert found("gate_refused") == []
    RetrainingPolicy.objects.update(auto_promote=True)
    assert subjects("gate_refused") == ["bitcoin-usd-1d"]
    RetrainingPolicy.objects.update(enabled=False)
    assert found("gate_refused") == []


def test_answers_in_the_spool_of_living_processes_fire(db):
    WebProcess.objects.create(host="here", pid=1, spool_rows=3)
    WebProcess.objects.create(host="here", pid=2, spool_rows=50, seen_at=now() - timedelta(minutes=5))
    [firing] = found("spool")
    assert firing.figures == {"rows": 3}
    assert found("spool", threshold=3.0) == []


def test_rows_in_the_default_partition_fire_until_their_month_is_made(production):
    ensure_partitions(months_ahead=3)
    make_prediction(made_at=now(), version=production)
    assert (strays(most=10), found("stray_rows")) == (0, [])
    for moment in (datetime(2031, 5, 1, tzinfo=UTC), datetime(2019, 5, 1, tzinfo=UTC)):
        make_prediction(made_at=moment, version=production)
    [firing] = found("stray_rows")
    assert firing.figures == {"rows": 2}
    assert strays(most=1) == 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM predictions_prediction_default")
        assert cursor.fetchone() == (2,)


def test_strays_are_looked_for_in_no_month(production):
    with CaptureQueriesContext(connection) as queries:
        strays(most=10)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {queries.captured_queries[-1]['sql']}")
        plan = " ".join(line for (line,) in cursor.fetchall())
    assert "predictions_prediction_default" in plan
    assert "predictions_prediction_20" not in plan


def worker(name, *duties, silent=0, started=3_600):
    seen = now() - timedelta(seconds=silent)
    return WorkerHeartbeat.objects.create(
        name=name, host="here", pid=1, duties=duties, seen_at=seen, started_at=now() - timedelta(seconds=started)
    )


def test_without_any_worker_nothing_is_missed(db):
    assert found("worker_gone") == []


def test_a_queue_that_nobody_works_at_any_more_fires(db):
    worker("worker", "data", "monitoring")
    worker("trainer", "training", silent=61)
    worker("trainer", "training", silent=300)
    [firing] = found("worker_gone")
    assert firing.subject == "queue training"
    assert "trainer was last seen 1 minute ago" in firing.sentence
    assert found("worker_gone", threshold=120.0) == []
    worker("trainer", "training")
    assert found("worker_gone") == []


def test_a_site_that_was_just_started_has_a_minute_to_start_the_others(db):
    fresh = worker("worker", "data", started=20)
    worker("trainer", "training", silent=7_200)
    assert found("worker_gone") == []
    WorkerHeartbeat.objects.filter(pk=fresh.pk).update(started_at=now() - timedelta(seconds=61))
    assert subjects("worker_gone") == ["queue training"]


def test_the_row_of_a_dead_worker_is_forgotten_only_once_another_does_its_work(db):
    dead, orphan = worker("trainer", "training", silent=90_000), worker("own", "mine", silent=90_000)
    WorkerHeartbeat.objects.forget_replaced(now())
    assert WorkerHeartbeat.objects.count() == 2
    worker("trainer", "training")
    WorkerHeartbeat.objects.forget_replaced(now())
    assert not WorkerHeartbeat.objects.filter(pk=dead.pk).exists()
    assert WorkerHeartbeat.objects.filter(pk=orphan.pk).exists()


def test_counting_that_is_behind_and_checks_that_fail_fire(db):
    model = make_model()
    Watermark.objects.create(pk=1, final_to=now(), passed_at=now() - timedelta(minutes=16))
    facts = {"state": "failed", "error": "KeyError: close", "checked_at": now()}
    DriftCheck.objects.create(model=model, asked_by="schedule:drift", **facts)
    assert subjects("task_failed") == ["counting", f"drift check of {model.name}"]
    Watermark.objects.update(passed_at=now())
    version = make_version(model=model)
    DriftCheck.objects.create(
        model=model, asked_by="user:anna", asked_at=now() + timedelta(seconds=1), version=version, state="done",
        status="ok", checked_at=now(),
    )  # fmt: skip
    assert found("task_failed") == []


def test_a_task_that_failed_fires_by_its_name_with_its_errors(db):
    def failed(task, error, *, minutes_ago):
        failures = FailedTasks()
        failures.record(task, error)
        failures.hand_in()
        moment = (now() - timedelta(minutes=minutes_ago)).replace(second=0, microsecond=0)
        ResponseMinute.objects.filter(process=failures.process).update(minute=moment)

    failed("data.follow_markets", KeyError("close"), minutes_ago=3)
    failed("data.follow_markets", ValueError("x"), minutes_ago=1)
    failed("data.retrain_due", ValueError("x"), minutes_ago=40)
    failed("training.train", ValueError("x"), minutes_ago=1)  # its run tells more
    [firing] = found("task_failed")
    assert (firing.subject, firing.figures["failures"]) == ("task data.follow_markets", 2)
    assert "(KeyError, ValueError)" in firing.sentence
    answered(responses=200)
    assert found("errors") == []  # what clients asked is another thing


def test_a_look_costs_the_same_queries_for_2_models_as_for_12(db):
    def add(name):
        model = make_model(name, default=False)
        make_version(model=model).promote(actor="user:operator", reason="first")

    def asked():
        with CaptureQueriesContext(connection) as queries:
            assert watch().faults == []
        return len(queries)

    add("model-0"), add("model-1")
    watch()
    few = asked()
    for number in range(2, 12):
        add(f"model-{number}")
    assert asked() == few
    assert few < 90
