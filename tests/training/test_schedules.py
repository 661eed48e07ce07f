"""Schedules: there after `migrate`, a person's changes stay, and one may train a model."""

from inspect import signature

import pytest
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from cryptoml_site.celery import app
from cryptoml_site.errors import Unknown
from cryptoml_site.schedules import ensure_schedules
from tests.factories import make_market, make_model
from training.admin.schedules import TASKS, ScheduleForm, faults
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


def filled(**facts):
    """The form of a schedule as somebody sends it."""
    at, _ = CrontabSchedule.objects.get_or_create(minute="0", hour="3")
    given = {"name": "mine", "task": "data.queue_training_run", "enabled": "on", "crontab": at.pk, "args": "[]"}
    return {**given, "kwargs": '{"model": "bitcoin-usd-1d"}', **facts}


def test_a_schedule_that_may_work_is_saved(admin_client):
    make_model()
    answer = admin_client.post(reverse("admin:django_celery_beat_periodictask_add"), filled())
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert "has not run yet" in admin_client.get(reverse("admin:django_celery_beat_periodictask_changelist")).text


@pytest.mark.parametrize(
    ("facts", "field", "said"),
    [
        ({"task": "no.such.task"}, "task", "no task is called 'no.such.task': there are data.follow_markets"),
        ({"task": "x" * 201}, "task", "at most 200 characters"),
        ({"kwargs": "[1]"}, "kwargs", "give arguments by name, such as"),
        ({"kwargs": "null"}, "kwargs", "give arguments by name, such as"),
        ({"kwargs": "{"}, "kwargs", "Enter a valid JSON"),
        ({"kwargs": '{"model": NaN}'}, "kwargs", "nan is no number of JSON"),
        ({"kwargs": "{}"}, "kwargs", "takes model, feature_set, estimator: missing a required argument: 'model'"),
        ({"kwargs": '{"model": "bitcoin-usd-1d", "nonsense": 2}'}, "kwargs", "unexpected keyword argument 'nonsense'"),
        ({"kwargs": '{"model": 7}'}, "kwargs", "model of data.queue_training_run is no text"),
        ({"kwargs": '{"model": "gone"}'}, "kwargs", "no model is called 'gone'"),
        ({"args": '["bitcoin-usd-1d"]'}, "args", "give arguments by name, below"),
        ({"task": "", "regtask": "data.retrain_due"}, "kwargs", "data.retrain_due takes no arguments"),
    ],
)
def test_a_schedule_that_can_only_fail_is_refused_at_its_field(facts, field, said):
    make_model()
    form = ScheduleForm(filled(**facts))
    assert list(form.errors) == [field]
    assert said in form.errors[field][0]


def test_what_can_only_fail_may_be_switched_off():
    assert not ScheduleForm(filled(task="no.such.task", enabled="")).errors


def test_a_schedule_that_was_there_and_can_only_fail_says_so(admin_client):
    at, _ = CrontabSchedule.objects.get_or_create(minute="0", hour="3")
    PeriodicTask.objects.create(name="old", task="no.such.task", crontab=at)
    shown = admin_client.get(reverse("admin:django_celery_beat_periodictask_changelist")).text
    assert "fails each time: no task is called &#x27;no.such.task&#x27;" in shown


@pytest.mark.parametrize("name", TASKS)
def test_the_form_knows_what_each_task_takes_though_it_has_not_loaded_it(name):
    app.loader.import_default_modules()
    taken = signature(app.tasks[name].run).parameters
    assert set(taken) == ({"model", "feature_set", "estimator"} if name == "data.queue_training_run" else set())
    assert not faults(name, {"model": "m"} if taken else {})
