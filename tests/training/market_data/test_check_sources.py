"""Whatever a source gives or raises: it is right, or it is refused with its name, before the database sees it."""

import math
from datetime import timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest

from cryptoml_site.errors import Refused, Unavailable
from tests.training.market_data.shelf import Shelf, at, candle
from training.market_data.fetch import fetch_candles
from training.market_data.markets import claim_market
from training.market_data.sources.checked import Checked
from training.market_data.sources.source import Coin
from training.models import FetchState, Interval

pytestmark = pytest.mark.django_db


@pytest.fixture
def market(set_clock):
    """Hourly, empty; it is 2026-11-23 10:00 UTC, which is at(336)."""
    return claim_market("bitcoin-usd-1h", source="coingecko")


def giving(*candles):
    class Giving(Shelf):
        name = "acme.Giving"

        def candles(self, *asked, start, end):
            yield list(candles)

    return Giving()


def failing(method, error):
    def fail(*_, **__):
        raise error

    shelf = Shelf()
    setattr(shelf, method, fail)
    return shelf


def refused_of(market, source):
    with pytest.raises(Refused) as refused:
        fetch_candles(market, source=source)
    assert (refused.value.code, refused.value.field) == ("bad_source", "source")
    assert not market.candles.exists()
    assert FetchState.objects.get().error == str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"close": math.nan}, "close is not finite: nan"),
        ({"close": math.inf}, "close is not finite: inf"),
        ({"close": 10**400}, "close is not finite"),
        ({"close": -1.0}, "close is -1: a price is above zero"),
        ({"close": 0}, "close is 0: a price is above zero"),
        ({"close": None}, "close is absent"),
        ({"close": "100"}, "close is no number but '100'"),
        ({"close": True}, "close is no number but True"),
        ({"close": Decimal(100)}, "close is no number but Decimal"),
        ({"close": 1e-320}, "a price lies between 1e-18 and 1e+18"),
        ({"open": 1e308}, "open is 1e+308: a price lies between"),
        ({"high": 99.0, "low": 98.0}, "do not bound"),
        ({"high": 99.0}, "do not bound"),
        ({"open": 90.0, "high": 101.0, "low": 95.0}, "do not bound"),
        ({"volume": -5.0}, "volume is -5: it cannot be below zero"),
        ({"volume": math.nan}, "volume is not finite"),
        ({"market_cap": -1.0}, "market_cap is -1"),
    ],
)
def test_a_figure_that_cannot_be_is_refused_by_source_candle_and_name(market, changed, said):
    sentence = refused_of(market, giving(candle(at(300)), candle(at(301))._replace(**changed)))
    assert sentence.startswith("acme.Giving gave a candle that opened at 2026-11-21T23:00:00+00:00 whose ")
    assert said in sentence
    assert sentence.endswith("; its author must mend it")


@pytest.mark.parametrize(
    ("opened_at", "said"),
    [
        (at(300).replace(tzinfo=None), "with the opened_at 2026-11-21T22:00:00: write it in UTC, and say so"),
        ("2026-11-21T22:00:00Z", "write a datetime in UTC"),
        (1_760_010_800, "with the opened_at 1760010800: write a datetime in UTC"),
        (at(300) + timedelta(minutes=1), "in steps of 1:00:00"),
        (at(338), "2026-11-23T12:00:00+00:00, which lies ahead of now"),
    ],
)
def test_a_stamp_that_cannot_be_is_refused(market, opened_at, said):
    assert said in refused_of(market, giving(candle(opened_at)))


def test_a_stamp_of_another_zone_is_refused(market):
    from_berlin = at(300).astimezone(timezone(timedelta(hours=1)))
    assert "2026-11-21T23:00:00+01:00: write it in UTC, and say so" in refused_of(market, giving(candle(from_berlin)))


def test_a_candle_that_forms_by_a_clock_a_little_ahead_of_ours_is_left_out(market, set_clock):
    set_clock("2026-11-23T09:59:30Z")
    fetch_candles(market, source=giving(candle(at(334)), candle(at(335)), candle(at(336))))
    assert market.newest() == at(334)


@pytest.mark.parametrize("zero", [0, 0.0, -0.0])
def test_a_volume_or_market_cap_of_zero_is_stored_as_absent(market, zero):
    fetch_candles(market, source=giving(candle(at(300))._replace(volume=zero, market_cap=zero)))
    stored = market.candles.get()
    assert (stored.volume, stored.market_cap) == (None, None)


def test_numbers_of_numpy_are_numbers(market):
    fetch_candles(market, source=giving(candle(at(300))._replace(close=np.float32(0.5), volume=np.int64(7))))
    stored = market.candles.get()
    assert (stored.close, stored.volume) == (0.5, 7.0)


@pytest.mark.parametrize("page", [[(at(300), None, None, None, 100.0, 5.0, None)], ["candles"], [None]])
def test_what_is_no_candle_is_refused(market, page):
    assert "a page is a list of ParsedCandle" in refused_of(market, giving(*page))


@pytest.mark.parametrize("method", ["oldest", "candles"])
def test_a_source_whose_own_code_fails_is_told_by_name(market, method):
    sentence = refused_of(market, failing(method, KeyError("prices")))
    assert sentence == f"shelf failed in {method}() (KeyError: 'prices'); its author must mend it"


def test_a_source_that_fails_in_the_middle_keeps_what_it_gave(market):
    class Tired(Shelf):
        def candles(self, *asked, start, end):
            yield [candle(at(0))]
            raise ValueError("no more\nof this\x1b[31m")

    with pytest.raises(Refused, match=r"ValueError: no more of this \[31m\); its author"):
        fetch_candles(market, source=Tired())
    assert market.newest() == at(0)


@pytest.mark.parametrize("given", [None, 7, [None], [7]])
def test_a_source_that_gives_no_pages_is_told_by_name(market, given):
    shelf = Shelf()
    shelf.candles = lambda *_, **__: given
    assert "shelf failed in candles() (TypeError" in refused_of(market, shelf)


def test_a_network_that_is_away_is_no_fault_of_the_author(market):
    with pytest.raises(Unavailable, match=r"TimeoutError: timed out.*try again later") as away:
        fetch_candles(market, source=failing("candles", TimeoutError("timed out")))
    assert (away.value.code, away.value.field) == ("source_unavailable", "source")


@pytest.mark.parametrize("reach", [at(0).replace(tzinfo=None), at(340), "2026-01-01"])
def test_an_oldest_candle_that_cannot_be_is_refused(market, reach):
    assert "gave an oldest candle with the opened_at" in refused_of(market, Shelf(reach=reach))


@pytest.mark.parametrize("size", [0, -1, 2.5, None, True])
def test_a_size_of_page_that_cannot_be_is_refused(size):
    with pytest.raises(Refused, match=r"gave pages of .* candles: a page is a whole number above zero"):
        Checked(Shelf(page=size)).page(Interval.HOUR)


@pytest.mark.parametrize("coins", [["bitcoin"], [Coin("bitcoin", "btc", None)], [Coin(7, "btc", "Bitcoin")]])
@pytest.mark.parametrize("method", ["coins", "near"])
def test_what_is_no_coin_is_refused(coins, method):
    shelf = Shelf()
    setattr(shelf, method, lambda wanted: coins)
    with pytest.raises(Refused, match=rf"^shelf gave .* in {method}\(\): a Coin has an id, a symbol and a name"):
        getattr(Checked(shelf), method)("bitcoin")


def test_a_check_that_fails_is_told_by_name():
    with pytest.raises(Refused, match=r"^shelf failed in check\(\) \(ZeroDivisionError"):
        Checked(failing("check", ZeroDivisionError("1 / 0"))).check("bitcoin", "usd", Interval.HOUR)


def test_what_a_source_refuses_itself_is_left_as_it_is(market):
    with pytest.raises(Unavailable, match=r"^the shelf does not answer$"):
        fetch_candles(market, source=Shelf(breaks_after=0))


def test_what_is_right_passes_as_it_is(set_clock):
    whole = candle(at(1))._replace(open=99.0, high=101.0, low=98.0, market_cap=9.0)
    pages = Checked(giving(whole)).candles("bitcoin", "usd", Interval.HOUR, start=at(0), end=at(2))
    assert list(pages) == [[whole]]
