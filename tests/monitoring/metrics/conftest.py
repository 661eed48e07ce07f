"""Clients with and without the scope, and answers and responses of a day."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from monitoring.metrics.passes import roll_up
from monitoring.metrics.reading import tail
from predictions.models import Scope
from predictions.response_times import ResponseTimes
from tests.factories import make_prediction, make_version
from tests.predictions.conftest import client_with

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _tail_of_its_own():
    """What another test's log held is no second old here."""
    tail.__init__()


@pytest.fixture
def client(db):
    return client_with([Scope.METRICS_READ])


@pytest.fixture
def noon(db, set_clock):
    set_clock(NOON.isoformat())
    return set_clock


def count_everything():
    while not roll_up().caught_up:
        pass


def respond(set_clock, *seconds, at=NOON, **labels):
    """A process that answered so many requests in the minute of that moment."""
    usual = {"method": "POST", "route": "predict", "status": 200, "code": "", "model": "bitcoin-usd-1d", "version": 1}
    process = ResponseTimes()
    set_clock(at.isoformat())
    for taken in seconds:
        process.record(**{**usual, "seconds": taken, **labels})
    process.flush(uuid4())
    set_clock(NOON.isoformat())


@pytest.fixture
def answered(noon):
    """Three answers an hour ago, one half a minute ago; four responses, one of them refused."""
    version = make_version()
    for ago, probability, direction in ((60, 0.8, "up"), (60, 0.4, "down"), (61, 0.9, None), (0.5, 0.6, "up")):
        made_at = NOON - timedelta(minutes=ago)
        make_prediction(made_at=made_at, version=version, probability_up=probability, direction=direction, novelty=2.0)
    respond(noon, 0.1, 0.2, 0.4, at=NOON - timedelta(minutes=60))
    respond(noon, 0.001, at=NOON - timedelta(minutes=1), status=400, code="missing_field", model="", version=None)
    count_everything()
    return version
