"""A market turns round and nobody is there: the model is found wrong, learnt anew, judged, promoted, and right again.

The clock is driven hour by hour. What happens at each close is done here; checks and training by a worker of their own.
"""

from datetime import UTC, datetime, timedelta
from statistics import mean

import pytest

from cryptoml_site.clock import now
from monitoring.drift.findings import Channel, Status
from monitoring.evidence import settled
from monitoring.models import DriftCheck, DriftEvent
from monitoring.tasks import check_all_drift
from predictions.tasks import follow_markets
from registry.models import Deployment, RegisteredModel
from tests.e2e.conftest import wait_for
from training.learning import learn, queue_run
from training.market_data.simulate import simulate_candles
from training.market_data.simulation import Shift
from training.models import Market, RetrainingPolicy, TrainingRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("celery")]
NAME = "demo-usd-1h"
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
CALM_DAYS = 6
TURN = BEGAN + timedelta(days=CALM_DAYS)
RECIPE = {
    "feature_set": "technical",
    "estimator": "random_forest",
    "params": {"n_estimators": 60, "min_samples_leaf": 20},
    "folds": 3,
}


@pytest.fixture
def model(set_clock, bundles_of_the_home):
    """In production, with leave to be retrained and promoted when it goes wrong, and for no other reason."""
    set_clock(BEGAN.isoformat())
    turn = int(TURN.timestamp())
    wild = Shift(at=turn, factor=3.0)
    simulate_candles(NAME, candles=9_000, seed=9, signal=0.6, volatility_shift=wild, turns_at=turn)
    model = RegisteredModel.objects.of_market(NAME)
    run = queue_run(market=Market.objects.named(NAME), model=model, actor="user:anna", **RECIPE)
    learn(run, progress=lambda *_: None).promote(actor="user:anna", reason="it beats every naive rule")
    RetrainingPolicy.objects.create(model=model, every_days=None, auto_promote=True, **RECIPE)
    return model


@pytest.fixture
def a_day(model, set_clock, worker):
    """a_day(): every close of one day, then the morning's check and what it starts."""
    worker("training,monitoring", "--include", "training.fitting.tasks")

    def pass_by():
        start = now().replace(minute=0, second=0)
        for hour in range(1, 25):
            set_clock((start + timedelta(hours=hour, seconds=30)).isoformat())
            follow_markets()
        check_all_drift()
        wait_for(lambda: not DriftCheck.objects.filter(state=DriftCheck.State.QUEUED).exists())
        wait_for(lambda: not TrainingRun.objects.unended().exists())
        wait_for(lambda: not TrainingRun.objects.filter(version__isnull=False, considered_at=None).exclude(policy=None))
        return DriftCheck.objects.newest_of(model)

    return pass_by


def days_until(condition, a_day, *, most):
    for _ in range(most):
        check = a_day()
        if condition(check):
            return check
    pytest.fail(f"not within {most} days; the newest check says: {check.channels}")


def hits(version, *, since=BEGAN):
    """Of each of its settled forecasts, whether it came true."""
    return settled([version], since=since, most=1_000)[version.model_id].hits.tolist()


def production(model):
    return model.versions.in_production().get()


def test_a_market_that_turns_round_is_found_out_and_learnt_anew(model, a_day):
    first = production(model)
    calm = [a_day() for _ in range(CALM_DAYS)]
    assert [check.status_of(Channel.DISTRIBUTION) for check in calm] == [Status.OK] * CALM_DAYS
    assert mean(hits(first)) > 0.6
    assert not DriftEvent.objects.exists()

    wrong = days_until(lambda check: check.status_of(Channel.OUTCOME) == Status.ALERT, a_day, most=5)
    assert wrong.status_of(Channel.DISTRIBUTION) in (Status.WARNING, Status.ALERT)
    assert wrong.status_of(Channel.INTEGRITY) == Status.OK
    assert mean(hits(first, since=TURN)) < 0.45
    assert "was queued to train it anew" in wrong.reaction
    assert DriftEvent.objects.open().filter(channel=Channel.OUTCOME).exists()

    def is_right_again(_):
        found = hits(production(model))
        return len(found) > 60 and mean(found) > 0.6

    days_until(is_right_again, a_day, most=14)
    moved = Deployment.objects.in_force().get()
    assert (moved.kind, moved.actor, moved.evidence["passed"]) == ("promote", "schedule:drift", True)
    assert moved.to_version != first
    assert "lately more than luck explains" in moved.reason
