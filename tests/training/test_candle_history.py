"""What candles said before they were revised, told by the hash that an answer kept."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.candle_history import before_revisions
from training.datasets import candles_sha256
from training.market_data.parsed import ParsedCandle
from training.market_data.store import store_candles
from training.models import Candle, Market

pytestmark = pytest.mark.django_db
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CANDLES = 6


@pytest.fixture
def market(set_clock):
    return Market.objects.create(name="bitcoin-usd-1d", coin="bitcoin", currency="usd", interval="1d", source="csv")


def said(place, close, volume=5.0, **figures):
    facts = {"open": None, "high": None, "low": None, "market_cap": None, **figures}
    return ParsedCandle(opened_at=FIRST + place * DAY, close=close, volume=volume, **facts)


def stored(market):
    return market.candles.series(interval=86_400)


@pytest.fixture
def first(market):
    """The hash of the candles as they were stored first."""
    store_candles(market, [said(place, 10.0 + place) for place in range(CANDLES)])
    return candles_sha256(stored(market))


def test_a_revised_candle_is_named_with_what_it_said(market, first, set_clock):
    set_clock("2026-11-24T10:00:00Z")
    store_candles(market, [said(3, 14.5, volume=None)])
    earlier = before_revisions(market, stored(market), sha256=first)
    assert candles_sha256(earlier.series) == first
    (candle,) = earlier.revised
    assert (candle.opened_at, candle.figures) == (FIRST + 3 * DAY, {"close": (13.0, 14.5), "volume": (5.0, None)})
    assert str(candle) == (
        "the candle that opened at 2024-01-04 00:00 was revised at 2026-11-24 10:00:00 UTC: close 13.0 then, 14.5 now, "
        "volume 5.0 then, absent now"
    )


def test_a_revision_that_no_hash_sees_is_stepped_over(market, first):
    store_candles(market, [said(2, 12.0, market_cap=7.0)])
    store_candles(market, [said(3, 14.0)])
    (candle,) = before_revisions(market, stored(market), sha256=first).revised
    assert candle.opened_at == FIRST + 3 * DAY


def test_a_clock_that_jumps_back_changes_nothing(market, first, set_clock):
    store_candles(market, [said(3, 14.0)])
    between = candles_sha256(stored(market))
    set_clock("2026-11-22T10:00:00Z")
    store_candles(market, [said(3, 15.0)])
    assert before_revisions(market, stored(market), sha256=between).revised[0].figures == {"close": (14.0, 15.0)}
    assert before_revisions(market, stored(market), sha256=first).revised[0].figures == {"close": (13.0, 15.0)}


def test_what_was_changed_behind_the_stores_back_is_not_explained(market, first):
    Candle.objects.filter(opened_at=FIRST).update(close=99.0)
    assert before_revisions(market, stored(market), sha256=first) is None


def test_another_markets_revisions_do_not_count(market, first):
    other = Market.objects.create(name="ether-usd-1d", coin="ether", currency="usd", interval="1d", source="csv")
    store_candles(other, [said(3, 13.0)])
    store_candles(other, [said(3, 14.0)])
    assert before_revisions(market, stored(market), sha256=first) is None


def test_of_no_candles_nothing_is_known(market):
    assert before_revisions(market, stored(market), sha256="0" * 64) is None


figure = st.floats(1, 100, width=32)
revisions = st.lists(st.tuples(st.integers(0, CANDLES - 1), figure, st.none() | figure), min_size=1, max_size=8)


def bits_by_candle(series):
    figures = np.column_stack([series.close, series.volume])
    return {stamp: row.tobytes() for stamp, row in zip(series.opened_at.tolist(), figures, strict=True)}


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(revisions=revisions, place=st.integers(0, 8))
def test_every_state_that_ever_was_is_found_again_by_its_hash(market, revisions, place):
    store_candles(market, [said(place, 10.0 + place) for place in range(CANDLES)])  # revises what was left before
    states = [stored(market)]
    for opened, close, volume in revisions:
        store_candles(market, [said(opened, close, volume)])
        states.append(stored(market))
    then, now = states[place % len(states)], states[-1]
    if candles_sha256(then) != candles_sha256(now):
        earlier = before_revisions(market, now, sha256=candles_sha256(then))
        changed = bits_by_candle(then).items() - bits_by_candle(now).items()
        assert [int(candle.opened_at.timestamp()) for candle in earlier.revised] == sorted(row for row, _ in changed)
