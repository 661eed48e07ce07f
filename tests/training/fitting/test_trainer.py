"""What a trainer makes of a run that goes wrong, and when it ends the process that fits."""

import pytest
from django.db import OperationalError

from cryptoml_site.errors import Refused, Unavailable
from tests.factories import make_market, make_model, make_version
from training.fitting import trainer
from training.fitting.child import Limits
from training.fitting.trainer import Stopped, Watch, attempt, limits_of
from training.models import RunLost, TrainingRun

pytestmark = pytest.mark.django_db
RECIPE = {"feature_set": "classic", "estimator": "xgboost", "actor": "user:anna"}


def claimed(**facts):
    run = TrainingRun.objects.create(model=make_model(), market=make_market(), **RECIPE, **facts)
    run.claim()
    return run


def attempted(monkeypatch, error):
    """A run whose fit raised that."""

    def fit(run, progress):
        raise error

    monkeypatch.setattr(trainer, "fit_and_register", fit)
    run = claimed()
    attempt(run)
    run.refresh_from_db()
    return run


@pytest.mark.parametrize("error", [OSError("no space left"), OperationalError("away"), Unavailable("broker away")])
def test_a_fault_that_may_pass_puts_the_run_back(monkeypatch, error):
    run = attempted(monkeypatch, error)
    assert (run.status, run.error) == ("queued", f"{type(error).__name__}: {error}")
    assert run.not_before is not None


def test_a_refusal_is_final(monkeypatch):
    run = attempted(monkeypatch, Refused("270 rows are too few", code="too_few_rows"))
    assert (run.status, run.error) == ("failed", "Refused: 270 rows are too few")


def test_a_fault_of_the_code_is_final_and_its_traceback_kept(monkeypatch):
    with pytest.raises(ZeroDivisionError):
        attempted(monkeypatch, ZeroDivisionError("division by zero"))
    run = TrainingRun.objects.get()
    assert (run.status, run.error) == ("failed", "ZeroDivisionError: division by zero")
    assert "Traceback" in run.log


def test_a_run_that_was_lost_is_left_as_it_is(monkeypatch):
    assert attempted(monkeypatch, RunLost("cancelled")).status == "running"


@pytest.fixture
def watch(monkeypatch):
    """A watch that looks each time; whether the trainer was told to stop is `told`."""
    monkeypatch.setattr(trainer, "BEAT_SECONDS", 0)
    monkeypatch.setattr(trainer, "close_old_connections", lambda: None)  # this test's own among them

    def make(run, *, told=False):
        return Watch(run, lambda: told)

    return make


def test_the_watch_tells_that_the_run_lives(watch):
    run = claimed()
    TrainingRun.objects.update(seen_at=None)
    watch(run)()
    assert TrainingRun.objects.get().seen_at is not None


def test_the_watch_ends_what_was_cancelled_and_what_another_took(watch):
    run = claimed()
    run.cancel()
    with pytest.raises(RunLost):
        watch(run)()
    TrainingRun.objects.update(status="running", attempts=2)
    with pytest.raises(RunLost):
        watch(run)()


def test_the_watch_lets_a_run_that_succeeded_follow_its_policy(watch):
    run = claimed()
    version = make_version(model=run.model)
    TrainingRun.objects.update(status="succeeded", version=version)
    watch(run)()


def test_the_watch_outlasts_a_database_that_is_away(watch, monkeypatch):
    run = claimed()

    def away():
        raise OperationalError("away")

    monkeypatch.setattr(run, "sign_of_life", away)
    watch(run)()


def test_the_watch_leaves_when_its_trainer_is_told_to_stop(watch):
    with pytest.raises(Stopped):
        watch(claimed(), told=True)()


def test_a_runs_own_limits_go_before_the_settings_and_a_search_has_its_budget_on_top(settings):
    settings.TRAINING_MINUTES, settings.TRAINING_MEMORY_MB = 90, 2_000
    assert limits_of(TrainingRun()) == Limits(minutes=90, megabytes=2_000)
    assert limits_of(TrainingRun(options={"trials": 20, "search_minutes": 7.5})) == Limits(98, 2_000)
    assert limits_of(TrainingRun(options={"trials": 20}, time_limit_minutes=5, memory_limit_mb=900)) == Limits(5, 900)
