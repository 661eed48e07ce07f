"""Candles of exchanges, page by page, against an object of ccxt's shapes."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from cryptoml_site.errors import Invalid, Refused, Unavailable, Unknown
from tests.training.market_data.sources import fake_ccxt
from tests.training.market_data.sources.asking import DAY, HOUR, NOW, candles, grid, opened
from tests.training.market_data.sources.fake_ccxt import Library, row
from tests.training.market_data.sources.quotes import milliseconds
from training.market_data.sources.exchange import Exchange
from training.models import Interval

pytestmark = pytest.mark.usefixtures("set_clock")


@pytest.fixture
def exchange(times):
    """exchange(**facts of the stub): the source, and ccxt's object behind it."""

    def made(name="stub", **facts):
        library = Library(**facts)
        source = Exchange(name, library=library, sleep=times.sleep, monotonic=times.monotonic)
        return source, library.api

    return made


def of_btc(source, interval=Interval.HOUR, *, start, end=NOW):
    return candles(source, interval, start=start, end=end, coin="btc", currency="usdt")


# Candles


def test_a_candle_is_stamped_with_its_open_and_has_all_figures(exchange):
    source, _ = exchange()
    (candle,) = of_btc(source, start=NOW - 2 * HOUR, end=NOW - HOUR)
    expected = row(milliseconds(NOW - 2 * HOUR), 3_600_000)
    assert candle == (NOW - 2 * HOUR, *expected[1:], None)


def test_the_candle_that_is_still_forming_is_dropped(exchange, set_clock):
    source, api = exchange()
    set_clock("2026-11-23T10:59:59Z")
    found = of_btc(source, start=NOW - 5 * HOUR, end=NOW + 5 * HOUR)
    assert found[-1].opened_at == NOW - HOUR
    assert api.fetch_ohlcv("BTC/USDT", "1h", milliseconds(NOW - HOUR), 10)[-1][0] == milliseconds(NOW)  # it was there
    set_clock("2026-11-23T11:00:00Z")
    assert of_btc(source, start=NOW - 5 * HOUR, end=NOW + 5 * HOUR)[-1].opened_at == NOW


def test_pages_follow_one_another_without_a_hole_or_a_double(exchange):
    source, api = exchange(most=300)
    start = NOW - 1_000 * HOUR
    assert opened(of_btc(source, start=start)) == grid(start, NOW, HOUR)
    assert [call[3] for call in api.fetched] == [milliseconds(start + page * 300 * HOUR) for page in range(4)]


@pytest.mark.parametrize("most", [1, 7, 300, 1_000])
def test_the_size_of_a_page_changes_nothing(exchange, most):
    source, _ = exchange(most=most)
    assert opened(of_btc(source, start=NOW - 50 * HOUR)) == grid(NOW - 50 * HOUR, NOW, HOUR)


def test_hours_without_trades_are_absent_and_do_not_stop_it(exchange):
    quiet = grid(NOW - 900 * HOUR, NOW - 200 * HOUR, HOUR)  # more than two pages of silence
    source, _ = exchange(absent=set(map(milliseconds, quiet)), windowed=True)
    start = NOW - 1_000 * HOUR
    assert opened(of_btc(source, start=start)) == grid(start, quiet[0], HOUR) + grid(NOW - 200 * HOUR, NOW, HOUR)


@pytest.mark.parametrize("windowed", [True, False])
def test_years_before_a_coin_was_listed_are_gone_through(exchange, windowed):
    listed = NOW - 10 * HOUR
    source, api = exchange(listed=milliseconds(listed), windowed=windowed)
    assert opened(of_btc(source, start=NOW - 1_000 * HOUR)) == grid(listed, NOW, HOUR)
    assert len(api.fetched) <= 4


def test_an_exchange_that_gives_the_same_for_ever_comes_to_an_end(exchange):
    same = [row(milliseconds(NOW - 500 * HOUR), 3_600_000)]
    source, api = exchange(rows=same)
    assert opened(of_btc(source, start=NOW - 1_000 * HOUR)) == [NOW - 500 * HOUR]
    assert len(api.fetched) <= 4


def test_kraken_has_the_newest_alone_and_says_so(exchange):
    source, api = exchange("kraken", newest=720, most=720)
    oldest = source.oldest(Interval.HOUR, at=NOW)
    assert oldest == NOW - 719 * HOUR
    assert opened(of_btc(source, start=oldest)) == grid(oldest, NOW, HOUR)
    assert opened(of_btc(source, start=NOW - 5_000 * HOUR)) == grid(oldest, NOW, HOUR)
    assert len(api.fetched) == 2


def test_others_name_no_limit(exchange):
    assert exchange()[0].oldest(Interval.HOUR, at=NOW) is None


def test_rows_that_come_doubled_or_backwards_are_put_in_order(exchange):
    rows = [row(milliseconds(NOW - back * HOUR), 3_600_000) for back in (2, 5, 3, 5, 4)]
    source, _ = exchange(rows=rows)
    assert opened(of_btc(source, start=NOW - 6 * HOUR)) == [NOW - back * HOUR for back in (5, 4, 3, 2)]


def test_a_volume_of_zero_is_absent(exchange):
    found = of_btc(exchange()[0], start=NOW - 300 * HOUR)
    volumes = {candle.volume for candle in found}
    assert volumes == {None, 5.0}


@pytest.mark.parametrize(
    ("figures", "kept"),
    [
        ([10, 12, 9, 11, 5], True),
        ([None, None, None, 11, None], True),
        ([10, 12, 9, None, 5], False),
        ([1e-320, 1e-320, 1e-320, 1e-320, 5], False),  # no price of anything
        ([10, 12, 9, 0, 5], False),
        ([10, 12, 9, float("nan"), 5], False),
        ([10, 10.5, 9, 11, 5], False),  # a high below the close
        ([8, 12, 9, 11, 5], False),  # a low above the open
        (["10", "12", "9", "11", "5"], True),
    ],
)
def test_a_candle_of_impossible_figures_is_left_out(exchange, figures, kept):
    source, _ = exchange(rows=[[milliseconds(NOW - HOUR), *figures]])
    assert len(of_btc(source, start=NOW - HOUR)) == kept


@pytest.mark.parametrize(
    "rows",
    [7, "html", [[1]], [["now", 1, 1, 1, 1, 1]], [None], [[1, {}, 1, 1, 1, 1]], [[10**18, 1, 1, 1, 1, 1]]],
)
def test_what_is_no_list_of_candles_is_refused(exchange, rows):
    with pytest.raises(Refused, match="no list of candles"):
        of_btc(exchange(rows=rows)[0], start=NOW - HOUR)


def test_days_that_begin_elsewhere_are_refused(exchange):
    source, _ = exchange(rows=[row(milliseconds(datetime(2026, 11, 20, 16, tzinfo=UTC)), 86_400_000)])
    with pytest.raises(Refused, match=r"opens at 2026-11-20T16:00:00.*off the grid of 1 day") as refused:
        of_btc(source, Interval.DAY, start=NOW - 5 * DAY)
    assert refused.value.code == "wrong_interval"


# Errors


@pytest.mark.parametrize(
    "error", ["NetworkError", "RequestTimeout", "ExchangeNotAvailable", "OnMaintenance", "BadResponse"]
)
def test_a_network_error_is_asked_again(exchange, times, error):
    source, api = exchange()
    source.check("btc", "usdt", Interval.HOUR)
    api.errors = [getattr(fake_ccxt, error)("stub GET https://stub")] * 2
    assert len(of_btc(source, start=NOW - 5 * HOUR)) == 5
    assert (len(api.fetched), len(times.slept)) == (3, 2)


def test_a_network_error_that_stays_is_given_up(exchange, times):
    source, api = exchange()
    api.errors = [fake_ccxt.RequestTimeout("stub GET https://stub")] * 100
    with pytest.raises(Unavailable, match=r"stub GET https://stub; given up after \d+ tries") as unavailable:
        of_btc(source, start=NOW - 5 * HOUR)
    assert unavailable.value.code == "source_unavailable"
    assert 200 < sum(times.slept) <= 300


def test_an_exchange_of_which_nothing_is_heard_may_have_a_patience_of_its_own(exchange, times):
    source, api = exchange()
    source.patience_unreached = 10
    error = fake_ccxt.ExchangeNotAvailable("stub GET https://stub")
    error.__cause__ = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    api.errors = [error] * 100
    with pytest.raises(Unavailable, match="look at the network"):
        of_btc(source, start=NOW - 5 * HOUR)
    assert 5 < sum(times.slept) <= 10


@pytest.mark.parametrize("error", ["RateLimitExceeded", "DDoSProtection"])
def test_a_limit_is_waited_for_as_long_as_it_asks(exchange, times, error):
    source, api = exchange()
    api.errors = [getattr(fake_ccxt, error)("stub 429")]
    api.last_response_headers = {"Retry-After": "40"}
    assert len(of_btc(source, start=NOW - 5 * HOUR)) == 5
    assert 40 <= sum(times.slept) <= 41
    api.errors, api.last_response_headers = [fake_ccxt.RateLimitExceeded("stub 429")] * 100, {"Retry-After": "9000"}
    with pytest.raises(Unavailable, match="try again in 9000 s") as unavailable:
        of_btc(source, start=NOW - 5 * HOUR)
    assert unavailable.value.code == "rate_limited"


@pytest.mark.parametrize("said", ["Mon, 23 Nov 2026 09:00:00 GMT", "0"])
def test_a_wait_that_is_over_already_is_no_advice(exchange, said):
    source, api = exchange()
    api.errors, api.last_response_headers = [fake_ccxt.RateLimitExceeded("stub 429")] * 100, {"Retry-After": said}
    with pytest.raises(Unavailable, match="try again later"):
        of_btc(source, start=NOW - 5 * HOUR)


@pytest.mark.parametrize(
    ("error", "kind", "code", "field"),
    [
        (fake_ccxt.BadSymbol("stub does not have market symbol X"), Unknown, "coin_unknown", "coin"),
        (fake_ccxt.BadRequest("stub {'code': -1100}"), Refused, "source_refused", "source"),
        (fake_ccxt.AuthenticationError("stub needs a key"), Refused, "source_refused", "source"),
        (fake_ccxt.NotSupported("stub fetchOHLCV"), Refused, "source_refused", "source"),
        (fake_ccxt.RestrictedLocation("stub 451"), Refused, "location_refused", "source"),
        (
            fake_ccxt.ExchangeNotAvailable("stub 451 Service unavailable from a restricted location"),
            Refused,
            "location_refused",
            "source",
        ),
    ],
)
def test_an_error_of_the_exchange_is_final(exchange, times, error, kind, code, field):
    source, api = exchange()
    source.check("btc", "usdt", Interval.HOUR)
    api.errors = [error]
    with pytest.raises(kind, match="stub") as refused:
        of_btc(source, start=NOW - 5 * HOUR)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert (len(api.fetched), times.slept) == (1, [])


def test_an_answer_that_ccxt_stumbles_over_is_trouble_that_passes(exchange, times):
    source, api = exchange()
    api.errors = [KeyError("symbols"), TypeError("string indices")]
    assert len(of_btc(source, start=NOW - 5 * HOUR)) == 5
    assert len(times.slept) == 2


# What there is


def test_a_coin_is_its_symbol(exchange):
    source, _ = exchange()
    assert [str(coin) for coin in source.coins("BTC")] == ["btc (btc, Bitcoin)"]
    assert [coin.id for coin in source.coins("bitcoin")] == ["btc"]
    assert [coin.id for coin in source.coins("eth")] == ["eth"]
    assert source.coins("old") == []  # not traded any more


def test_what_is_traded_passes(exchange):
    source, _ = exchange()
    source.check("btc", "eur", Interval.DAY)
    assert source.name == "ccxt:stub"


@pytest.mark.parametrize(
    ("asked", "code", "field", "said"),
    [
        (("bitcoin", "usdt", Interval.HOUR), "coin_unknown", "coin", "no coin called 'bitcoin'"),
        (
            ("btc", "usd", Interval.HOUR),
            "currency_unknown",
            "currency",
            "not trade btc against 'usd', but against eur, usdt",
        ),
        (
            ("btc", "usdt", Interval.FOUR_HOURS),
            "interval_unsupported",
            "interval",
            "of our intervals it has 1m, 5m, 1h, 1d",
        ),
    ],
)
def test_what_is_not_traded_says_what_is(exchange, asked, code, field, said):
    with pytest.raises((Unknown, Invalid), match=said) as refused:
        exchange()[0].check(*asked)
    assert (refused.value.code, refused.value.field) == (code, field)


def test_an_exchange_without_candles_says_so(exchange):
    source, _ = exchange(has={"fetchOHLCV": None})
    with pytest.raises(Invalid, match="no candles of 1h"):
        source.check("btc", "usdt", Interval.HOUR)


def test_markets_are_loaded_once_a_day_however_many_sources_ask(times):
    library = Library()
    for _ in range(3):
        Exchange("stub", library=library, monotonic=times.monotonic).check("btc", "usdt", Interval.HOUR)
    assert library.api.calls == [("load_markets", True)]
    times.seconds += timedelta(days=1).total_seconds()
    Exchange("stub", library=library, monotonic=times.monotonic).check("btc", "usdt", Interval.HOUR)
    assert len(library.api.calls) == 2


def test_threads_ask_an_exchange_one_after_another_or_its_pace_would_be_nobodys():
    library = Library()
    sources = [Exchange("stub", library=library) for _ in range(4)]
    sources[0].check("btc", "usdt", Interval.HOUR)
    answer, asking, most_at_once = library.api.fetch_ohlcv, [], 0

    def slowly(*question):
        nonlocal most_at_once
        asking.append(question)
        most_at_once = max(most_at_once, len(asking))
        time.sleep(0.02)
        asking.pop()
        return answer(*question)

    library.api.fetch_ohlcv = slowly
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda source: of_btc(source, start=NOW - 5 * HOUR), sources))
    assert ([len(each) for each in found], most_at_once) == ([5] * 4, 1)


def test_the_pace_is_ccxts_own(exchange):
    _, api = exchange()
    assert api.options == {"enableRateLimit": True, "timeout": 20_000}


@pytest.mark.parametrize(
    ("name", "said"), [("binanse", "perhaps binance"), ("Exchange", "called 'Exchange'"), ("", "''")]
)
def test_an_exchange_that_ccxt_does_not_know(name, said):
    with pytest.raises(Unknown, match=said) as unknown:
        Exchange(name, library=Library())
    assert (unknown.value.code, unknown.value.field) == ("unknown_source", "source")
