"""Answers about the closes of an hourly market, and what became of them."""

from datetime import UTC, datetime, timedelta

from predictions.models import Forecast, Prediction
from registry.models import RegisteredModel
from tests.factories import make_prediction, make_version
from training.models import Outcome

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOURLY = "bitcoin-usd-1h"


def hourly_version(**facts):
    """One more of the model of the hourly market."""
    return make_version(model=RegisteredModel.objects.of_market(HOURLY), **facts)


def answer(version, as_of, *, after=timedelta(minutes=61), up=True, scheduled=False, **facts):
    """Given so long after the candle of as_of opened; up is None where the version abstained."""
    direction = None if up is None else Prediction.Direction.UP if up else Prediction.Direction.DOWN
    made = make_prediction(
        made_at=as_of + after,
        version=version,
        **{
            "market": HOURLY,
            "as_of": as_of,
            "target_at": as_of + 2 * HOUR,
            "direction": direction,
            "novelty": 2.0,
            "probability_up": 0.4 if up is False else 0.6,
            **facts,
        },
    )
    if scheduled:
        Forecast.objects.create(model=version.model, as_of=as_of, prediction_id=made.pk)
    return made


def settle(market, as_of, log_return=0.01, *, revision=0, status=Outcome.Status.SETTLED):
    target = as_of + 2 * HOUR
    return Outcome.objects.create(
        market=market,
        as_of=as_of,
        horizon=1,
        matures_at=target,
        close_at_start=1.0,
        close_at_end=1.0,
        settled_at=target,
        log_return=log_return,
        revision=revision,
        status=status,
        void_reason="a hole",
    )


def answer_all(version, market, *, right, up=True, last=NOON):
    """A scheduled forecast of each hour, the newest `last`; `right`: whether each came true, oldest first."""
    for ago, hit in enumerate(reversed(right)):
        as_of = last - ago * HOUR
        answer(version, as_of, up=up, scheduled=True)
        settle(market, as_of, 0.01 if hit == up else -0.01)
