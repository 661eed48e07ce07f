"""Celery for real: tasks through Valkey to worker processes, which are killed in the middle."""

import random
import time
from datetime import UTC, datetime, timedelta

import pytest

from cryptoml_site.celery import app
from predictions.models import Forecast, MissedForecast, Prediction
from registry.models import RegisteredModel
from tests.e2e.conftest import wait_for
from tests.factories import make_version
from training.learning import queue_run
from training.market_data.simulate import simulate_candles
from training.models import Market, Outcome, TrainingRun
from training.models.run import SILENCE
from training.queueing import enqueue, sweep

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("celery")]


@pytest.fixture
def demo(set_clock, bundles_of_the_home):
    set_clock("2026-06-01T12:00:10Z")
    simulate_candles("demo-usd-1m", candles=60, seed=7)
    make_version(model=RegisteredModel.objects.named("demo-usd-1m")).promote(actor="user:o", reason="first")


def test_a_worker_follows_the_market_minute_by_minute(demo, set_clock, worker):
    worker("data")
    for minute in range(3):
        set_clock(f"2026-06-01T12:0{minute}:10Z")
        app.send_task("data.follow_markets")
        app.send_task("data.follow_markets")  # delivered twice
        wait_for(lambda minute=minute: Forecast.objects.count() == minute + 1)
    wait_for(lambda: Outcome.objects.settled().count() == 2)
    assert Prediction.objects.filter(actor="schedule:forecast").count() == 3


@pytest.fixture
def run(bundles_of_the_home):
    """A queued run whose forest takes some seconds."""
    simulate_candles("demo-usd-1h", candles=2_500, seed=7)
    market = Market.objects.named("demo-usd-1h")
    model = RegisteredModel.objects.named("demo-usd-1h")
    run = queue_run(
        market=market, model=model, feature_set="technical", estimator="random_forest", actor="user:anna", folds=3
    )
    enqueue(run)
    return run


def test_a_run_whose_trainer_was_killed_is_queued_again_and_leaves_one_version(run, worker):
    first = worker("training", "--include", "training.fitting.tasks")
    wait_for(lambda: TrainingRun.objects.under_way().filter(folds_done__gte=1).exists())
    first.kill()
    assert TrainingRun.objects.get().status == "running"  # it could not say anything any more
    TrainingRun.objects.update(seen_at=run.created_at - SILENCE)  # instead of a minute's wait
    worker("training", "--include", "training.fitting.tasks")
    assert sweep() == 1
    wait_for(lambda: TrainingRun.objects.get().status == "succeeded")
    assert TrainingRun.objects.get().attempts == 2
    assert RegisteredModel.objects.named("demo-usd-1h").versions.count() == 1


@pytest.mark.long
def test_a_worker_killed_at_twenty_random_points_of_a_day_loses_no_close_and_doubles_none(
    set_clock, bundles_of_the_home, worker
):
    """Each close has one forecast or is said to be missing; each outcome is settled once."""
    closes, chance = 96, random.Random(7)
    kills = set(chance.sample(range(1, closes), 20))
    midnight = datetime(2026, 6, 2, tzinfo=UTC)
    set_clock(midnight.isoformat())
    simulate_candles("demo-usd-15m", candles=60, seed=7)
    make_version(model=RegisteredModel.objects.named("demo-usd-15m")).promote(actor="user:o", reason="first")
    process = worker("data")
    for close in range(closes):
        set_clock((midnight + timedelta(minutes=15 * close, seconds=5)).isoformat())
        app.send_task("data.follow_markets")
        if close in kills:
            time.sleep(chance.uniform(0, 0.1))
            process.kill()
            process = worker("data")
        else:
            newest = midnight + timedelta(minutes=15 * (close - 1))
            wait_for(lambda newest=newest: Forecast.objects.filter(as_of=newest).exists())
    set_clock((midnight + timedelta(minutes=15 * closes, seconds=5)).isoformat())
    app.send_task("data.follow_markets")
    wait_for(lambda: Outcome.objects.settled().count() == closes)
    missed = sum(MissedForecast.objects.values_list("closes", flat=True))
    assert Forecast.objects.count() + missed == closes + 1
    assert Prediction.objects.count() == Forecast.objects.count()
    assert missed <= len(kills)
    assert not Outcome.objects.filter(revision__gt=0).exists()
