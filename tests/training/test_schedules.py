"""Schedules: there after `migrate`, a person's changes stay, and one may train a model."""

import pytest
from django_celery_beat.models import PeriodicTask

from cryptoml_site.celery import app
from cryptoml_site.errors import Unknown
from cryptoml_site.schedules import ensure_schedules
from tests.factories import make_market, make_model
from training.models import TrainingRun
from training.tasks import queue_training_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch):
    """What was sent to the workers."""
    messages = []
    monkeypatch.setattr("training.queueing.current_app.send_task", lambda name, args: messages.append((name, args)))
    return messages


def test_every_schedule_names_a_task_that_a_worker_knows():
    app.loader.import_default_modules()
    names = set(PeriodicTask.objects.values_list("task", flat=True))
    assert {"data.follow_markets", "data.sweep_training_runs", "data.ensure_partitions"} <= names
    ours = {name for name in names if not name.startswith("celery.")}
    assert ours <= set(app.tasks)


def test_what_a_person_changed_stays():
    PeriodicTask.objects.filter(task="data.follow_markets").update(enabled=False, name="mine")
    ensure_schedules()
    assert PeriodicTask.objects.get(task="data.follow_markets").name == "mine"
    assert not PeriodicTask.objects.get(task="data.follow_markets").enabled


def test_a_schedule_queues_a_run_for_the_trainer(sent, django_capture_on_commit_callbacks):
    make_market()
    make_model()
    with django_capture_on_commit_callbacks(execute=True):
        queue_training_run("bitcoin-usd-1d", estimator="xgboost")
        queue_training_run("bitcoin-usd-1d", estimator="xgboost")  # the first one still waits
    run = TrainingRun.objects.get()
    assert (run.actor, run.estimator, sent) == ("schedule:retrain", "xgboost", [("training.train", [run.pk])])


def test_a_schedule_for_a_model_that_is_gone_says_so():
    with pytest.raises(Unknown, match="no model is called 'gone'"):
        queue_training_run("gone")
