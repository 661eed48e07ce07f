"""Which rows a check looks at: what was answered lately, each candle once, or what the market shows."""

from datetime import timedelta

import numpy as np
import pytest

from cryptoml_site.clock import now
from monitoring.drift.rows import newest_rows
from monitoring.models import DriftCheck
from tests.factories import make_market, make_prediction, make_version
from training.features.feature_set import feature_set

pytestmark = pytest.mark.django_db
STEP = timedelta(days=1)
Source = DriftCheck.Source


@pytest.fixture
def version():
    return make_version()


@pytest.fixture
def market():
    return make_market(newest=midnight(), candles=60)


def midnight(days_ago=1):
    return now().replace(hour=0, minute=0, second=0, microsecond=0) - days_ago * STEP


def answered(version, days_ago, first, *, market="", hours=1, **facts):
    """About the candle of that day, or in its time where there is no market."""
    as_of = midnight(days_ago)
    named = {"market": market.name, "as_of": as_of, "target_at": as_of + 2 * STEP} if market else {}
    vector = [first, *[1.0] * (len(version.signature) - 1)]
    return make_prediction(made_at=as_of + timedelta(hours=hours), version=version, vector=vector, **named, **facts)


def rows_of(version, market, window=4):
    return newest_rows(version, feature_set("classic"), market, window=window)


@pytest.mark.parametrize("bound", [True, False], ids=["of the market's candles", "of a client's own features"])
def test_of_many_answers_about_one_candle_the_newest_counts_once(version, market, bound):
    about = {"market": market} if bound else {}
    for day in (3, 2):
        for hours in (1, 2, 3):
            answered(version, day, 10.0 * day + hours, hours=hours, **about)
    found = rows_of(version, market, window=2)
    assert (found.source, found.X[:, 0].tolist()) == (Source.ANSWERS, [33.0, 23.0])
    assert found.at == [midnight(3), midnight(2)]


def test_the_newest_window_is_taken_oldest_first(version, market):
    for day in range(7, 0, -1):
        answered(version, day, float(day), market=market)
    assert rows_of(version, market).X[:, 0].tolist() == [4.0, 3.0, 2.0, 1.0]


@pytest.mark.parametrize("facts", [{"role": "trial"}, {"role": "shadow"}])
def test_what_did_not_answer_for_the_model_is_not_looked_at(version, market, facts):
    for day in (3, 2):
        answered(version, day, 1.0, market=market, **facts)
    assert rows_of(version, market).source == Source.CANDLES


def test_another_versions_answers_are_not_looked_at(version, market):
    other = make_version(model=version.model)
    for day in (3, 2):
        answered(other, day, 1.0, market=market)
    assert rows_of(version, market).source == Source.CANDLES


def test_where_fewer_than_a_window_were_answered_the_market_shows_its_newest_rows(version, market):
    for day in range(10, 1, -1):
        answered(version, day, 1.0, market=market)
    found = rows_of(version, market, window=10)
    assert (found.source, len(found), found.at[-1]) == (Source.CANDLES, 10, market.newest())
    assert np.isfinite(found.X).all()


def test_without_a_market_or_candles_there_may_be_none(version):
    assert len(rows_of(version, None)) == 0
    assert len(rows_of(version, make_market(newest=midnight(), candles=0))) == 0


def test_holes_in_the_candles_leave_a_whole_window(version, market):
    market.candles.filter(opened_at__in=[midnight(3), midnight(9)]).delete()
    assert len(rows_of(version, market, window=10).finite()) == 10


def test_what_was_asked_lately_about_candles_of_long_ago_is_none_of_the_newest_rows(version, market):
    for day in range(400, 404):
        as_of = midnight(day)
        facts = {"market": market.name, "as_of": as_of, "target_at": as_of + 2 * STEP}
        make_prediction(made_at=now() - timedelta(minutes=5), version=version, **facts)
    found = rows_of(version, market)
    assert (found.source, found.at[-1]) == (Source.CANDLES, market.newest())
