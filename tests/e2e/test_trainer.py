"""A trainer for real: what it fits can be ended at any moment, and what it began never hangs in the air."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from registry.models import Deployment, ModelImport, RegisteredModel
from registry.uploads import queue_import
from tests.e2e.conftest import wait_for
from tests.factories import constant_onnx
from training.learning import queue_run
from training.market_data.simulate import simulate_candles
from training.models import Market, RetrainingPolicy, TrainingRun
from training.queueing import enqueue, sweep
from training.retraining import request_retraining

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("celery")]
NAME = "demo-usd-1h"
LONG = {"estimator": "random_forest", "params": {"n_estimators": 1_000, "min_samples_leaf": 1}, "folds": 20}


@pytest.fixture
def trainer(bundles_of_the_home, worker):
    simulate_candles(NAME, candles=2_500, seed=7, signal=0.5)
    RegisteredModel.objects.of_market(NAME)
    return worker("training", "--include", "training.fitting.tasks")


def model():
    return RegisteredModel.objects.named(NAME)


def queued(**facts):
    """A run that takes minutes."""
    limits = {name: facts.pop(name) for name in ("time_limit_minutes", "memory_limit_mb") if name in facts}
    recipe = {"feature_set": "technical", "actor": "user:anna", **LONG, **facts}
    run = queue_run(market=Market.objects.named(NAME), model=model(), **recipe)
    TrainingRun.objects.filter(pk=run.pk).update(**limits)
    enqueue(run)
    return run


def under_way(run):
    wait_for(lambda: TrainingRun.objects.under_way().filter(pk=run.pk).exists())


def ended(run):
    wait_for(lambda: not TrainingRun.objects.unended().filter(pk=run.pk).exists())
    run.refresh_from_db()
    return run


def child_of(process):
    [child] = wait_for(psutil.Process(process.popen.pid).children)
    return child


def assert_gone(child):
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, seconds=5)


def test_a_run_that_is_cancelled_or_over_its_memory_limit_ends_within_its_fold_and_the_next_goes_on(trainer):
    cancelled = queued()
    under_way(cancelled)
    child = child_of(trainer)
    over, other = queued(memory_limit_mb=100), queued(estimator="logistic", params={}, folds=3)
    cancelled.cancel()
    assert_gone(child)
    cancelled.refresh_from_db()
    assert (cancelled.status, cancelled.folds_done < 20) == ("cancelled", True)

    assert ended(over).status == "failed"
    assert over.error.startswith("ended: over its memory limit of 100 MB: it held ")
    assert (ended(other).status, other.error) == ("succeeded", "")
    assert model().versions.get() == other.version


@pytest.mark.long
def test_a_run_over_its_time_limit_is_ended_and_says_so(trainer):
    endless = {"estimator": "xgboost", "params": {"n_estimators": 3_000}, "options": {"trials": 500}, "folds": 2}
    run = ended(queued(time_limit_minutes=1, **endless))
    assert (run.status, run.error) == ("failed", "ended: over its time limit of 1 minute")
    assert 60 <= (run.finished_at - run.started_at).total_seconds() < 75
    assert run.attempts == 1


def test_a_trainer_that_is_told_to_stop_leaves_its_run_to_the_next_at_once(trainer):
    run = queued()
    under_way(run)
    child = child_of(trainer)
    trainer.popen.send_signal(signal.SIGTERM)
    assert trainer.popen.wait(10) == 0
    assert_gone(child)
    run.refresh_from_db()
    assert run.status == "queued"
    assert "the trainer was stopped: queued again" in run.log


@pytest.mark.long
def test_a_process_that_the_kernel_killed_is_tried_again(trainer):
    run = queued()
    under_way(run)
    child_of(trainer).kill()
    wait_for(lambda: TrainingRun.objects.queued().exists())
    run.refresh_from_db()
    assert run.error == "its process was killed: look whether the machine ran out of memory"
    assert run.not_before is not None
    assert sweep() == 0  # it pauses


def test_a_model_is_retrained_staged_and_promoted_without_anybody(trainer):
    facts = {"estimator": "logistic", "feature_set": "technical", "folds": 4, "auto_promote": True}
    RetrainingPolicy.objects.create(model=model(), every_candles=24, **facts)
    run = ended(request_retraining(model(), reason="no version has been learnt yet"))
    assert (run.status, run.error) == ("succeeded", "")
    wait_for(lambda: TrainingRun.objects.filter(considered_at__isnull=False).exists())
    run.refresh_from_db()
    assert [row.kind for row in Deployment.objects.all()] == ["promote", "stage"], run.log
    assert model().versions.in_production().get() == run.version


def test_an_import_is_opened_in_a_process_of_its_own_and_a_run_follows_it(trainer):
    queue_import(model(), name="a.onnx", data=constant_onnx(0.6), actor="user:anna")
    wait_for(lambda: ModelImport.objects.filter(status="registered").exists())
    run = ended(queued(estimator="xgboost", params={"n_estimators": 10}, folds=3))
    assert (run.status, run.error) == ("succeeded", "")
    assert model().versions.count() == 2


@pytest.mark.long
def test_a_trainer_whose_processes_could_have_no_children_does_not_start(settings):
    command = [sys.executable, "-m", "celery", "--app", "cryptoml_site.celery", "worker", "--pool", "prefork"]
    env = {**os.environ, "CRYPTOML_HOME": str(settings.CRYPTOML_HOME)}
    options = ["--queues", "training", "--include", "training.fitting.tasks"]
    ended = subprocess.run([*command, *options], env=env, capture_output=True, text=True, timeout=90)
    assert ended.returncode == 1
    assert "start it with --pool solo" in ended.stderr
