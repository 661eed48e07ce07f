"""Outcomes: settled once by what really happened, void when it cannot be known, opened again by a revision."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from math import log

import pytest
from django.db import connection

from tests.factories import make_market
from training.labels import log_returns_ahead
from training.market_data.parsed import ParsedCandle
from training.market_data.store import store_candles
from training.models import Outcome
from training.outcomes import Close, Settled, expect, settle_due

pytestmark = pytest.mark.django_db
NEWEST = datetime(2026, 1, 30, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def market(db):
    return make_market(newest=NEWEST)


def candle(opened_at, close):
    return ParsedCandle(opened_at, None, None, None, close, 1.0, None)


def test_an_outcome_is_the_label_that_training_sees(market):
    expect(Close(market, NEWEST - step * DAY, 1) for step in range(1, 30))
    assert settle_due() == Settled(settled=29)
    series = market.candles.series(interval=86_400)
    labels = dict(zip(series.opened_at.tolist(), log_returns_ahead(series.close, horizon=1).tolist(), strict=True))
    for outcome in Outcome.objects.all():
        assert outcome.log_return == labels[int(outcome.as_of.timestamp())]


def test_a_longer_horizon_looks_further_ahead(market):
    expect([Close(market, NEWEST - 5 * DAY, 3)])
    settle_due()
    outcome = Outcome.objects.get()
    assert outcome.close_at_end == market.candles.get(opened_at=NEWEST - 2 * DAY).close
    assert outcome.log_return == pytest.approx(log(outcome.close_at_end / outcome.close_at_start))


def test_expecting_twice_makes_one_outcome(market):
    close = Close(market, NEWEST - DAY, 1)
    expect([close])
    expect([close])
    assert Outcome.objects.count() == 1


def test_settling_twice_settles_once(market):
    expect([Close(market, NEWEST - DAY, 1)])
    assert [settle_due(), settle_due()] == [Settled(settled=1), Settled()]


def test_an_outcome_whose_target_is_not_there_yet_waits(market, set_clock):
    set_clock("2026-02-01T00:00:30Z")
    expect([Close(market, NEWEST, 1)])
    assert settle_due() == Settled()
    assert Outcome.objects.get().status == "pending"


def test_an_outcome_is_void_when_its_candle_never_came_and_the_reason_names_it(market, set_clock):
    set_clock("2026-02-20T00:00:00Z")
    expect([Close(market, NEWEST, 1)])
    assert settle_due() == Settled(void=1)
    assert "no candle opened at 2026-01-31 00:00 UTC" in Outcome.objects.get().void_reason


def test_a_revised_candle_opens_its_outcomes_again_and_the_old_row_stays(market):
    expect([Close(market, NEWEST - DAY, 1), Close(market, NEWEST - 2 * DAY, 1), Close(market, NEWEST - 9 * DAY, 1)])
    settle_due()
    store_candles(market, [candle(NEWEST - DAY, 500.0)])
    assert settle_due() == Settled(settled=2)
    revised = Outcome.objects.filter(revision=1)
    assert {outcome.as_of for outcome in revised} == {NEWEST - DAY, NEWEST - 2 * DAY}
    assert Outcome.objects.filter(revision=0).settled().count() == 3
    assert Outcome.objects.newest().count() == 3


def test_a_candle_that_comes_late_settles_what_was_void(market, set_clock):
    set_clock("2026-02-20T00:00:00Z")
    expect([Close(market, NEWEST, 1)])
    settle_due()
    store_candles(market, [candle(NEWEST + DAY, 120.0)])
    assert settle_due() == Settled(settled=1)
    assert Outcome.objects.newest().get().close_at_end == 120.0


def test_the_share_that_went_up_is_unknown_while_nothing_is_settled(market):
    assert Outcome.objects.up_rate() is None
    expect(Close(market, NEWEST - step * DAY, 1) for step in range(1, 14))
    settle_due()
    assert 0 < Outcome.objects.up_rate() < 1


@pytest.mark.django_db(transaction=True)
def test_two_at_once_settle_each_outcome_once(market):
    expect(Close(market, NEWEST - step * DAY, 1) for step in range(1, 30))

    def settle(_):
        try:
            return settle_due().settled
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(settle, range(4))) == 29
