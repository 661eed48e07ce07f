"""The real ccxt on three exchanges' own rows, over real HTTP; skipped without requirements-exchanges.txt.

Each exchange numbers, orders and pages its rows in another way: what comes out is the same.
"""

from itertools import pairwise

import pytest

from cryptoml_site.errors import Invalid, Refused, Unavailable, Unknown
from tests.training.market_data.sources.asking import DAY, HOUR, NOW, candles, grid, opened, quoted
from tests.training.market_data.sources.exchange_stand_in import ExchangeStandIn
from training.market_data.sources.catalogue import source_named
from training.market_data.sources.exchange import Exchange
from training.models import Interval

ccxt = pytest.importorskip("ccxt")
pytestmark = [pytest.mark.usefixtures("set_clock"), pytest.mark.filterwarnings("ignore::ResourceWarning")]
CURRENCY = {"binance": "usdt", "kraken": "usd", "coinbaseexchange": "usd"}
HOST = {"binance": "binance", "kraken": "kraken", "coinbaseexchange": "coinbase"}
HTML = "<html><body>Just a moment...</body></html>"


@pytest.fixture
def stand_in():
    with ExchangeStandIn() as running:
        yield running


@pytest.fixture
def exchange(stand_in, times):
    def made(name):
        library = type("Library", (), {"__getattr__": lambda _, found: getattr(ccxt, found)})()

        def on_stand_in(options):
            api = getattr(ccxt, name)(options)
            api.urls["api"] = dict.fromkeys(api.urls["api"], f"{stand_in.url}/{HOST[name]}")
            return api

        setattr(library, name, on_stand_in)
        return Exchange(name, library=library, sleep=times.sleep, monotonic=times.monotonic)

    return made


def of_btc(source, interval=Interval.HOUR, *, start, end=NOW):
    return candles(source, interval, start=start, end=end, coin="btc", currency=CURRENCY[source.name[5:]])


@pytest.mark.parametrize("name", CURRENCY)
def test_every_exchange_gives_the_same_candles(exchange, name):
    source = exchange(name)
    source.check("btc", CURRENCY[name], Interval.HOUR)
    start = NOW - 700 * HOUR
    found = of_btc(source, start=start)
    assert opened(found) == grid(start, NOW, HOUR)  # without the one that is still forming
    for candle in found:
        assert candle.open == pytest.approx(quoted(candle.opened_at), rel=1e-5)
        assert candle.close == pytest.approx(quoted(candle.opened_at + HOUR), rel=1e-5)
        assert candle.low < min(candle.open, candle.close) <= max(candle.open, candle.close) < candle.high
        assert (candle.volume, candle.market_cap) == (3.5, None)


@pytest.mark.parametrize(("name", "size"), [("binance", 1_000), ("coinbaseexchange", 300)])
def test_years_come_page_by_page(exchange, stand_in, name, size):
    source, start = exchange(name), NOW - 5_000 * HOUR
    assert source.page(Interval.HOUR) == size
    found = of_btc(source, start=start)
    assert opened(found) == grid(start, NOW, HOUR)
    assert all(later.open == pytest.approx(earlier.close, rel=1e-5) for earlier, later in pairwise(found))
    assert sum(path.endswith(("klines", "candles")) for path in stand_in.paths) == -(-5_000 // size)


def test_kraken_gives_what_it_has(exchange, stand_in):
    source = exchange("kraken")
    oldest = source.oldest(Interval.HOUR, at=NOW)
    assert opened(of_btc(source, start=NOW - 5_000 * HOUR)) == grid(oldest, NOW, HOUR)


@pytest.mark.parametrize("name", CURRENCY)
def test_days_come_too(exchange, name):
    start = (NOW - 400 * DAY).replace(hour=0)
    assert opened(of_btc(exchange(name), Interval.DAY, start=start)) == grid(start, NOW.replace(hour=0), DAY)


def test_only_spot_is_asked_for(exchange, stand_in):
    exchange("binance").coins("btc")
    assert stand_in.paths == ["/binance/exchangeInfo"]


def test_a_coin_has_the_name_that_the_exchange_gives_it(exchange):
    assert [str(coin) for coin in exchange("coinbaseexchange").coins("bitcoin")] == ["btc (btc, Bitcoin)"]
    assert [str(coin) for coin in exchange("kraken").coins("xbt")] == ["btc (btc, XBT)"]


@pytest.mark.parametrize(
    "fault",
    [
        (429, '{"code":-1003,"msg":"Too many requests."}', {"Retry-After": "30"}),
        (418, '{"code":-1003,"msg":"Way too many requests; IP banned."}', {"Retry-After": "30"}),
    ],
)
def test_a_limit_is_waited_for(exchange, stand_in, times, fault):
    source = exchange("binance")
    stand_in.faults.append(fault)
    assert len(of_btc(source, start=NOW - 5 * HOUR)) == 5
    assert 30 <= sum(times.slept) <= 31


@pytest.mark.parametrize("name", CURRENCY)
@pytest.mark.parametrize("fault", [(503, HTML, {}), (502, "", {}), (200, HTML, {"Content-Type": "text/html"})])
def test_an_outage_is_outlasted(exchange, stand_in, times, name, fault):
    source = exchange(name)
    source.check("btc", CURRENCY[name], Interval.HOUR)
    stand_in.faults.extend([fault] * 2)
    assert len(of_btc(source, start=NOW - 5 * HOUR)) == 5
    assert len(times.slept) == 2


def test_krakens_errors_under_status_200_pass_too(exchange, stand_in, times):
    stand_in.faults.append((200, '{"error":["EGeneral:Too many requests"]}', {}))
    assert len(of_btc(exchange("kraken"), start=NOW - 5 * HOUR)) == 5
    assert len(times.slept) == 1


def test_a_place_that_is_locked_out_is_told_so_at_once(exchange, stand_in, times):
    words = '{"code":0,"msg":"Service unavailable from a restricted location according to b. Eligibility"}'
    stand_in.faults.append((451, words, {}))
    with pytest.raises(Refused, match="take another exchange") as refused:
        of_btc(exchange("binance"), start=NOW - 5 * HOUR)
    assert (refused.value.code, times.slept) == ("location_refused", [])


def test_a_symbol_that_the_exchange_took_off_is_final(exchange, stand_in, times):
    stand_in.faults.append((400, '{"code":-1121,"msg":"Invalid symbol."}', {}))
    with pytest.raises(Unknown, match="Invalid symbol") as unknown:
        of_btc(exchange("binance"), start=NOW - 5 * HOUR)
    assert (unknown.value.code, times.slept) == ("coin_unknown", [])


def test_an_outage_that_stays_is_given_up(exchange, stand_in, times):
    source = exchange("binance")
    source.patience = 20
    stand_in.faults.extend([(503, HTML, {})] * 100)
    with pytest.raises(Unavailable, match="given up after"):
        of_btc(source, start=NOW - 5 * HOUR)
    assert sum(times.slept) <= 20


def test_coinbase_has_no_four_hours(exchange):
    with pytest.raises(Invalid, match="of our intervals it has 1m, 5m, 15m, 1h, 1d"):
        exchange("coinbaseexchange").check("btc", "usd", Interval.FOUR_HOURS)


def test_it_is_found_by_its_name():
    assert source_named("ccxt:kraken").name == "ccxt:kraken"
