"""The client meets every habit of CoinGecko that MARKETDATA.md lists, over real HTTP."""

from datetime import datetime, timedelta

import httpx
import pytest

from cryptoml_site.errors import Invalid, Refused, Unavailable, Unknown
from tests.training.market_data.sources import faults
from tests.training.market_data.sources.asking import DAY, HOUR, MIDNIGHT, NOW, candles, grid, opened, quoted
from tests.training.market_data.sources.quotes import milliseconds
from training.market_data.sources.coingecko.points import tolerance
from training.models import Interval


def raw(coingecko, path, **params):
    return httpx.get(f"{coingecko.url}/{path}", params=params)


def test_1_the_point_of_now_is_no_day(coingecko, source):
    chart = raw(coingecko, "coins/bitcoin/market_chart", vs_currency="usd", days="5", interval="daily").json()
    assert len(chart["prices"]) == 6
    assert chart["prices"][-1][0] == milliseconds(NOW)  # unaligned
    found = candles(source(), Interval.DAY, start=MIDNIGHT - 5 * DAY)
    assert opened(found) == grid(MIDNIGHT - 5 * DAY, MIDNIGHT, DAY)
    assert [candle.close for candle in found] == [quoted(candle.opened_at + DAY) for candle in found]


def test_2_an_hour_has_the_nearest_of_its_points_or_none(coingecko, source):
    start = NOW - 30 * DAY
    absent = start + 100 * HOUR
    coingecko.leave_out("bitcoin", absent + HOUR)  # the point at the close
    chart = raw(
        coingecko,
        "coins/bitcoin/market_chart/range",
        vs_currency="usd",
        **{"from": str(milliseconds(start) // 1_000), "to": str(milliseconds(NOW) // 1_000)},
    ).json()
    assert len(chart["prices"]) > 30 * 24  # two in one hour, now and then
    found = candles(source(), start=start)
    assert opened(found) == [opened_at for opened_at in grid(start, NOW, HOUR) if opened_at != absent]
    for candle in found:
        assert candle.close == pytest.approx(quoted(candle.opened_at + HOUR), rel=0.03)  # 12 minutes late at most
    assert {candle.close for candle in found} < {price for _, price in chart["prices"]}


def test_3_five_minutes_may_end_with_a_stamp_before_the_last(coingecko, source):
    chart = raw(coingecko, "coins/bitcoin/market_chart", vs_currency="usd", days="1").json()
    stamps = [stamp for stamp, _ in chart["prices"]]
    assert stamps[-1] < stamps[-2]
    step = timedelta(minutes=5)
    found = candles(source(), Interval.FIVE_MINUTES, start=NOW - 23 * HOUR)
    assert opened(found) == grid(NOW - 23 * HOUR, NOW, step)


def test_4_and_11_what_is_too_old_is_told_apart_from_a_wrong_key(source, set_clock):
    oldest = source().oldest(Interval.HOUR, at=NOW)
    assert oldest == NOW - 365 * DAY
    assert opened(candles(source(), start=oldest, end=oldest + 2 * HOUR)) == grid(oldest, oldest + 2 * HOUR, HOUR)
    set_clock("2026-11-23T12:00:00Z")  # both go by this clock
    with pytest.raises(Refused, match=r"past 365 days.*CSV file or an exchange") as refused:
        candles(source(), start=oldest, end=oldest + 2 * HOUR)
    assert (refused.value.code, refused.value.field) == ("history_limit", "since")


@pytest.mark.parametrize("fault", [faults.KEY_MISSING, faults.PRO_ONLY], ids=["10002", "10005"])
def test_4_other_401s_are_faults_of_the_key(coingecko, source, fault):
    coingecko.faults.append(fault)
    with pytest.raises(Refused, match="check COINGECKO_API_KEY") as refused:
        candles(source(), start=NOW - DAY)
    assert (refused.value.code, refused.value.field) == ("key_refused", "COINGECKO_API_KEY")


@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [
        (faults.throttled(retry_after="30"), 30, 31),
        (faults.throttled(x_ratelimit_reset="2026-11-23 10:00:45 +0000"), 45, 46),
        (faults.throttled(retry_after="Mon, 23 Nov 2026 10:00:20 GMT"), 20, 21),
        (faults.throttled(retry_after="soon", x_ratelimit_reset="2026-11-23 10:00:45 +0000"), 45, 46),
        (faults.throttled(retry_after="soon", x_ratelimit_reset="tomorrow"), 1, 2),
        (faults.throttled(retry_after="0"), 1, 2),
        (faults.throttled(x_ratelimit_reset="2026-11-23 09:59:00 +0000"), 1, 2),
        (faults.THROTTLED_WITHOUT_HEADERS, 1, 2),
        (faults.THROTTLED_AS_TEXT, 1, 2),
        (faults.THROTTLED_AS_HTML, 1, 2),
    ],
)
def test_5_a_429_is_waited_for_as_long_as_it_asks(coingecko, source, times, fault, least, most):
    coingecko.faults.append(fault)
    assert len(candles(source(), start=NOW - DAY)) == 24
    assert least <= sum(times.slept) <= most
    assert len(coingecko.asked) == 2


def test_6_a_coin_that_is_not_there(coingecko, source):
    with pytest.raises(Unknown, match="no coin of that id") as unknown:
        candles(source(), coin="bitcone", start=NOW - DAY)
    assert (unknown.value.code, unknown.value.field) == ("coin_unknown", "coin")
    assert len(coingecko.asked) == 1  # a 404 is not asked again


def test_6_a_currency_that_is_not_there(coingecko, source):
    with pytest.raises(Invalid, match="ask for usd") as invalid:
        candles(source(), currency="usdt", start=NOW - DAY)
    assert (invalid.value.code, invalid.value.field) == ("currency_unknown", "currency")
    assert len(coingecko.asked) == 1


def test_6_a_missing_parameter_is_no_fault_of_the_user(coingecko, source):
    coingecko.faults.append(faults.missing("vs_currency"))
    with pytest.raises(Unavailable, match=r"422 \('Missing parameter vs_currency'\)"):
        candles(source(), start=NOW - DAY)
    assert len(coingecko.asked) == 1


def test_7_amounts_of_zero_or_null_are_absent(source):
    found = candles(source(), start=NOW - 30 * DAY)
    for figure in ("volume", "market_cap"):
        amounts = [getattr(candle, figure) for candle in found]
        assert None in amounts
        assert all(amount is None or amount > 0 for amount in amounts)


@pytest.mark.parametrize("back", [5, 120], ids=["by the chart", "by a range"])
def test_8_a_missing_day_stays_missing(coingecko, source, back):
    absent = MIDNIGHT - back * DAY
    coingecko.leave_out("bitcoin", absent + DAY)
    start = MIDNIGHT - 200 * DAY
    found = candles(source(), Interval.DAY, start=start)
    assert opened(found) == [opened_at for opened_at in grid(start, MIDNIGHT, DAY) if opened_at != absent]


@pytest.mark.parametrize("fault", [faults.HTML_INSTEAD, faults.OUT_OF_ORDER, faults.HUNG_UP])
def test_9_html_is_trouble_that_passes(coingecko, source, times, fault):
    coingecko.faults.extend([fault, fault])
    assert len(candles(source(), start=NOW - DAY)) == 24
    assert len(coingecko.asked) == 3
    assert 1 <= times.slept[0] <= 2 <= times.slept[1] <= 3


def test_10_an_id_is_looked_up_where_an_unknown_one_is_not_left_out(coingecko, source):
    prices = raw(coingecko, "simple/price", vs_currencies="usd", ids="bitcoin,bitcone, ethereum")
    assert (prices.status_code, list(prices.json())) == (200, ["bitcoin"])
    with pytest.raises(Unknown, match="by the id 'bitcone'") as unknown:
        source().check("bitcone", "usd", Interval.HOUR)
    assert unknown.value.field == "coin"


@pytest.mark.parametrize(
    ("key", "kind", "pro_host", "code"),
    [("CG-demo-key", "pro", True, 10011), ("CG-pro-key", "demo", False, 10010), ("CG-none", "demo", False, 10002)],
)
def test_12_a_key_of_the_other_kind(coingecko, source, settings, key, kind, pro_host, code):
    settings.COINGECKO_API_KEY, settings.COINGECKO_KEY_KIND, coingecko.pro = key, kind, pro_host
    with pytest.raises(Refused, match="COINGECKO_KEY_KIND") as refused:
        candles(source(), start=NOW - DAY)
    assert (refused.value.code, refused.value.evidence) == ("key_refused", {"error_code": code})
    assert key not in str(refused.value)
    assert len(coingecko.asked) == 1


def test_the_stand_in_shows_a_day_ten_minutes_after_it(set_clock, source):
    start = MIDNIGHT - 3 * DAY
    for moment, newest in (("2026-11-23T00:09:59Z", MIDNIGHT - 2 * DAY), ("2026-11-23T00:10:01Z", MIDNIGHT - DAY)):
        set_clock(moment)
        found = candles(source(), Interval.DAY, start=start, end=datetime.fromisoformat(moment))
        assert found[-1].opened_at == newest


def test_the_jitter_of_the_stand_in_stays_below_the_tolerance():
    assert tolerance(HOUR) > timedelta(minutes=12)
