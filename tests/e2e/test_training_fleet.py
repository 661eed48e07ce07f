"""Many markets, two trainers, and a kill in the middle: no run is lost, and each leaves exactly one version."""

import logging
import random
import time
from contextlib import suppress

import psutil
import pytest

from tests.e2e.conftest import wait_for
from training.fleet import queue_fleet
from training.market_data.simulate import simulate_candles
from training.models import TrainingRun
from training.models.run import SILENCE
from training.queueing import sweep

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("celery")]
CANDLES = 1_500
TRAINER = ("training", "--include", "training.fitting.tasks")
logger = logging.getLogger(__name__)


def make_markets(number):
    for seed in range(number):
        simulate_candles(f"coin{seed}-usd-1h", candles=CANDLES, seed=seed)


def queued():
    return queue_fleet(feature_set="technical", estimator="logistic", folds=3, actor="command:anna").queued


def ended():
    return TrainingRun.objects.exclude(pk__in=TrainingRun.objects.unended()).count()


def kill_while_it_fits(process):
    """Kill the trainer in the middle of a run, and see its child end with it."""
    trainer = psutil.Process(process.popen.pid)

    def child_that_fits():
        for child in trainer.children():
            with suppress(psutil.NoSuchProcess):
                child.suspend()  # or it could be done before the kill
                if TrainingRun.objects.under_way().filter(log__contains=f"process {trainer.pid}:").exists():
                    return child
                child.resume()
        return None

    child = wait_for(child_that_fits)
    process.kill()
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, seconds=5)


def assert_each_left_one_version(runs):
    assert set(TrainingRun.objects.values_list("status", flat=True)) == {"succeeded"}
    assert {run.model.versions.count() for run in runs} == {1}
    assert TrainingRun.objects.count() == len(runs)


@pytest.mark.long
def test_a_fleet_survives_a_killed_trainer(bundles_of_the_home, worker):
    make_markets(6)
    killed, _ = worker(*TRAINER), worker(*TRAINER)
    runs = queued()
    kill_while_it_fits(killed)
    wait_for(lambda: ended() == 5)
    TrainingRun.objects.under_way().update(seen_at=runs[0].created_at - SILENCE)  # instead of half a minute's wait
    assert sweep() == 1
    wait_for(lambda: ended() == 6)
    assert_each_left_one_version(runs)
    assert sorted(TrainingRun.objects.values_list("attempts", flat=True)) == [1] * 5 + [2]


@pytest.mark.long
def test_two_trainers_fit_200_markets_and_lose_none_when_one_is_killed(bundles_of_the_home, worker):
    make_markets(200)
    trainers = [worker(*TRAINER), worker(*TRAINER)]
    started, kill_at = time.monotonic(), random.Random(7).randrange(60, 140)
    runs = queued()
    wait_for(lambda: ended() >= kill_at, seconds=1_800)
    kill_while_it_fits(trainers[0])
    worker(*TRAINER)
    while ended() < len(runs):
        sweep()  # as beat does each minute
        time.sleep(5)
        assert time.monotonic() - started < 3_600
    minutes = (time.monotonic() - started) / 60
    assert_each_left_one_version(runs)
    tried = sorted(TrainingRun.objects.values_list("attempts", flat=True))
    assert tried == [1] * 199 + [2]
    logger.warning(
        "%s runs of %s candles in %.1f minutes, %.0f a minute; one trainer was killed after %s",
        *(len(runs), CANDLES, minutes, len(runs) / minutes, kill_at),
    )
