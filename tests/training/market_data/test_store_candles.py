from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta

import pytest

from cryptoml_site.errors import Refused
from training.market_data import store
from training.market_data.parsed import ParsedCandle
from training.market_data.store import StoreReport, store_candles
from training.models import Candle, CandleRevision, Market

pytestmark = pytest.mark.django_db
FIRST = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def market(set_clock):
    return Market.objects.create(name="bitcoin-usd-1d", coin="bitcoin", currency="usd", interval="1d", source="csv")


def candles_of(*closes):
    days = [FIRST + timedelta(days=day) for day in range(len(closes))]
    rows = zip(days, closes, strict=True)
    return [ParsedCandle(day, None, None, None, close, volume=5.0, market_cap=None) for day, close in rows]


def test_candles_are_stored_as_they_came(market):
    assert store_candles(market, candles_of(10.0, 11.5)) == StoreReport(inserted=2)
    names = ("opened_at", "open", "high", "low", "close", "volume", "market_cap", "revision")
    stored = list(market.candles.order_by("opened_at").values_list(*names))
    assert stored == [(*candle, 0) for candle in candles_of(10.0, 11.5)]


def test_a_second_time_changes_nothing(market):
    store_candles(market, candles_of(10.0, 11.0))
    before = list(Candle.objects.values())
    assert store_candles(market, candles_of(10.0, 11.0)) == StoreReport(unchanged=2)
    assert list(Candle.objects.values()) == before
    assert not CandleRevision.objects.exists()


def test_figures_that_differ_become_a_revision(market, set_clock):
    store_candles(market, candles_of(10.0, 11.0))
    set_clock("2026-11-24T10:00:00Z")
    assert store_candles(market, candles_of(10.0, 12.0, 13.0)) == StoreReport(inserted=1, unchanged=1, revised=1)
    candle = market.candles.get(close=12.0)
    kept = candle.revisions.get()
    assert (candle.revision, kept.revision, kept.close, kept.volume) == (1, 0, 11.0, 5.0)
    assert (kept.stored_at.day, kept.revised_at.day, candle.stored_at.day) == (23, 24, 24)


def test_every_revision_is_kept(market):
    for close in (10.0, 11.0, 10.0):
        store_candles(market, candles_of(close))
    assert market.candles.get().revision == 2
    assert list(CandleRevision.objects.order_by("revision").values_list("revision", "close")) == [(0, 10.0), (1, 11.0)]


def test_a_figure_that_goes_or_comes_is_a_revision(market):
    (candle,) = candles_of(10.0)
    store_candles(market, [candle])
    assert store_candles(market, [candle._replace(volume=None)]).revised == 1
    assert store_candles(market, [candle._replace(volume=None)]).unchanged == 1


def test_other_markets_candles_are_left_alone(market):
    other = Market.objects.create(name="ether-usd-1d", coin="ether", currency="usd", interval="1d", source="csv")
    store_candles(market, candles_of(10.0))
    assert store_candles(other, candles_of(20.0)) == StoreReport(inserted=1)
    assert market.candles.get().close == 10.0


def test_a_candle_that_still_forms_stores_nothing_at_all(market, set_clock, monkeypatch):
    monkeypatch.setattr(store, "BATCH", 1)
    set_clock("2024-01-02T23:59:59Z")
    with pytest.raises(Refused) as refusal:
        store_candles(market, candles_of(10.0, 11.0))
    assert refusal.value.code == "not_closed"
    assert not market.candles.exists()


@pytest.mark.parametrize("candles", [20, 200])
def test_statements_do_not_grow_with_the_candles(market, candles, django_assert_num_queries):
    store_candles(market, candles_of(*[10.0] * candles))
    with django_assert_num_queries(8):
        store_candles(market, candles_of(*[11.0] * candles))


def test_reports_add_up():
    assert astuple(StoreReport(1, 2, 3) + replace(StoreReport(10), revised=30)) == (11, 2, 33)
