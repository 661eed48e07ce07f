"""From points to candles, whatever order, doubles and jitter they come with."""

from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoml_site.errors import Refused, Unavailable
from tests.training.market_data.sources.asking import DAY, HOUR, MIDNIGHT, candles, opened, quoted
from tests.training.market_data.sources.quotes import milliseconds
from training.market_data.sources.coingecko.points import candles_of, points_in, tolerance
from training.models import Interval

START = datetime(2026, 11, 1, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)
LATER = START + 10 * DAY


def chart(*rows):
    """rows: stamp or moment, price, and if need be market cap and volume."""
    full = [(milliseconds(stamp) if isinstance(stamp, datetime) else stamp, *rest) for stamp, *rest in rows]
    return {
        "prices": [row[:2] for row in full],
        "market_caps": [[row[0], row[2] if len(row) > 2 else 7.0] for row in full],
        "total_volumes": [[row[0], row[3] if len(row) > 3 else 8.0] for row in full],
    }


def closes(*rows, step=HOUR, at=LATER, live=False):
    """Open time and close of the candles that these points make."""
    points = points_in(chart(*rows), step=step, live=live)
    found = candles_of(points, step=step, start=START - DAY, end=LATER, at=at)
    return [(candle.opened_at, candle.close) for candle in found]


def late(hour, **by):
    """A stamp after the n-th hour, or before it."""
    return START + hour * HOUR + timedelta(**by)


# A point at H is the close of the candle that ends at H


def test_a_day_is_the_close_of_the_day_before():
    assert closes((START, 10.0), (START + DAY, 11.0), step=DAY) == [(START - DAY, 10.0), (START, 11.0)]


@pytest.mark.parametrize("back", [3, 120], ids=["by the chart", "by a range"])
def test_a_coingecko_day_is_not_its_own_close(source, back):
    """The planted leak: taken for its own close, a day would know the price one day before it was."""
    start = MIDNIGHT - back * DAY
    found = candles(source(), Interval.DAY, start=start, end=MIDNIGHT)
    assert [candle.close for candle in found] == [quoted(start + day * DAY) for day in range(1, back + 1)]
    assert median(abs(candle.close / quoted(candle.opened_at) - 1) for candle in found) > 0.01


def test_an_hour_is_the_close_of_the_hour_before():
    assert closes((late(5, minutes=4, seconds=13), 10.0)) == [(late(4), 10.0)]


# The nearest, or none


def test_of_the_points_of_an_hour_the_nearest_is_kept():
    near = late(5, minutes=2)
    assert closes((late(5, minutes=9), 1.0), (near, 2.0), (late(4, minutes=55), 3.0)) == [(late(4), 2.0)]
    assert closes((late(4, minutes=59), 3.0), (near, 2.0)) == [(late(4), 3.0)]
    assert closes((late(5, minutes=2), 2.0), (late(4, minutes=58), 3.0)) == [(late(4), 3.0)]  # as near: the earlier


def test_a_point_too_far_from_every_hour_is_no_candle():
    recorded = (1618499053863, 62641.96), (1618504491663, 63082.59), (1618506568120, 62773.43)  # 15:04 16:34 17:09
    points = points_in(chart(*recorded), step=HOUR, live=False)
    day = datetime(2021, 4, 15, tzinfo=UTC)
    found = list(candles_of(points, step=HOUR, start=day, end=day + DAY, at=LATER))
    assert [(candle.opened_at.hour, candle.close) for candle in found] == [(14, 62641.96), (16, 62773.43)]


@pytest.mark.parametrize(("step", "furthest"), [(FIVE_MINUTES, 150), (HOUR, 900), (DAY, 900)])
def test_the_tolerance_ends_where_it_says(step, furthest):
    assert tolerance(step) == timedelta(seconds=furthest)
    inside, outside = START + DAY + timedelta(seconds=furthest), START + DAY + timedelta(seconds=furthest + 1)
    at_the_end = START + DAY - step
    assert closes((inside - timedelta(milliseconds=1), 5.0), step=step) == [(at_the_end, 5.0)]
    assert closes((outside, 5.0), step=step) != [(at_the_end, 5.0)]


# What has not closed


def test_the_price_of_now_is_left_out():
    now = milliseconds(late(5, minutes=2, seconds=7))
    rows = (late(4, minutes=3, milliseconds=1), 1.0), (now, 9.0)
    assert closes(*rows, at=late(5, minutes=2, seconds=8), live=True) == [(late(3), 1.0)]


def test_the_price_of_now_may_precede_its_neighbour():
    rows = (1621089594955, 49078.83), (1621089594000, 49078.0)  # as recorded: 14:39:54
    moment = datetime(2021, 5, 15, 14, 40, 10, tzinfo=UTC)
    points = points_in(chart(*rows), step=FIVE_MINUTES, live=True)
    assert [point.stamp for point in points] == [1621089594955]
    found = candles_of(points, step=FIVE_MINUTES, start=moment - DAY, end=moment, at=moment + timedelta(minutes=5))
    assert [candle.close for candle in found] == [49078.83]


def test_a_last_point_on_the_grid_is_no_price_of_now():
    assert closes((START, 10.0), (START + DAY, 11.0), step=DAY, live=True, at=START + DAY) != []
    assert len(closes((START, 10.0), (START + DAY, 11.0), step=DAY, live=True)) == 2


def test_a_point_before_its_hour_waits_until_no_nearer_one_can_come():
    early = (late(5, minutes=-10, milliseconds=1), 3.0)
    assert closes(early, at=late(5, minutes=-5)) == []  # the hour is not over
    assert closes(early, at=late(5, minutes=1)) == []  # a nearer one may come
    assert closes(early, (late(5, minutes=4), 4.0), at=late(5, minutes=5)) == [(late(4), 4.0)]  # and here it is
    assert closes(early, (late(5, minutes=12), 4.0), at=late(5, minutes=13)) == [(late(4), 3.0)]  # further away
    assert closes(early, at=late(5, minutes=15)) == [(late(4), 3.0)]  # none came


def test_a_provider_whose_clock_is_ahead_closes_nothing_early():
    assert closes((late(5, minutes=1), 3.0), at=late(5, minutes=-1)) == []


# Amounts


def test_amounts_are_joined_by_their_stamps():
    answer = chart((late(1), 10.0), (late(2), 11.0))
    answer["total_volumes"] = [[milliseconds(late(2)), 22.0]]
    answer["market_caps"].reverse()
    answer["market_caps"][0][1] = 200.0
    found = candles_of(points_in(answer, step=HOUR, live=False), step=HOUR, start=START, end=LATER, at=LATER)
    assert [(candle.volume, candle.market_cap) for candle in found] == [(None, 7.0), (22.0, 200.0)]


@pytest.mark.parametrize("amount", [0, 0.0, None, -1, "much", True, 1e400])
def test_what_is_no_amount_is_absent(amount):
    points = points_in(chart((late(1), 10.0, amount, amount)), step=HOUR, live=False)
    assert [(point.volume, point.market_cap) for point in points] == [(None, None)]


@pytest.mark.parametrize("price", [0, None, -1, "much", float("nan"), float("inf"), 1e-320, 1e308])
def test_what_is_no_price_is_no_candle(price):
    assert closes((late(1), price), (late(2), 10.0)) == [(late(1), 10.0)]


# What is no chart


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        None,
        {"prices": []},
        {"prices": [[1]], "market_caps": [], "total_volumes": []},
        {"prices": [["now", 1.0]], "market_caps": [], "total_volumes": []},
        {"prices": [[None, 1.0]], "market_caps": [], "total_volumes": []},
        {"prices": 7, "market_caps": [], "total_volumes": []},
        {"prices": [], "market_caps": [[[], 1]], "total_volumes": []},
        {"prices": [], "market_caps": None, "total_volumes": []},
        {"status": {"error_code": 429}},
    ],
)
def test_an_answer_that_is_no_chart_is_said_to_be_none(answer):
    with pytest.raises(Unavailable, match="no chart"):
        points_in(answer, step=HOUR, live=False)


def test_stamps_that_are_no_times_are_left_out():
    assert closes((-5, 1.0), (10**30, 1.0), (1e308, 1.0), (late(1), 2.0)) == [(late(0), 2.0)]


def test_days_where_hours_were_asked_are_refused():
    with pytest.raises(Refused, match="steps of 1 day, 0:00:00 where 1:00:00 was asked") as refused:
        closes(*((START + day * DAY, 10.0) for day in range(3)))
    assert refused.value.code == "wrong_interval"


def test_no_points_make_no_candles():
    assert closes() == []


# Properties

MILLISECOND = timedelta(milliseconds=1)
steps = st.sampled_from([FIVE_MINUTES, HOUR, DAY])
jitter = st.lists(st.integers(-600, 600), min_size=1, max_size=60)  # thousandths of a step


def jittered(offsets, step):
    """A point for every end of a candle, off it by so much; its price says which one it is."""
    width = step // MILLISECOND
    first = milliseconds(START)
    return [(first + place * width + offset * width // 1_000, 100.0 + place) for place, offset in enumerate(offsets)]


def made(rows, step):
    points = points_in(chart(*rows), step=step, live=False)
    return list(candles_of(points, step=step, start=START - 100 * DAY, end=START + 100 * DAY, at=START + 100 * DAY))


@given(step=steps, offsets=jitter, data=st.data())
def test_neither_order_nor_doubles_change_the_candles(step, offsets, data):
    rows = list(dict(jittered(offsets, step)).items())
    mixed = data.draw(st.permutations(rows + data.draw(st.lists(st.sampled_from(rows)))))
    assert made(mixed, step) == made(rows, step)


@given(step=steps, offsets=jitter)
def test_each_candle_has_the_price_nearest_to_its_end(step, offsets):
    rows = jittered(offsets, step)
    stamps = {price: stamp for stamp, price in rows}
    found = made(rows, step)
    assert opened(found) == sorted(set(opened(found)))
    for candle in found:
        end = milliseconds(candle.opened_at + step)
        away = abs(stamps[candle.close] - end)
        assert end % (step // MILLISECOND) == 0
        assert away <= tolerance(step) // MILLISECOND
        assert away == min(abs(stamp - end) for stamp in stamps.values())


@given(offsets=st.lists(st.integers(0, 250), min_size=1, max_size=60))
def test_jitter_below_the_tolerance_loses_no_hour(offsets):
    found = made(jittered(offsets, HOUR), HOUR)
    assert [candle.close - 100 for candle in found] == list(range(len(offsets)))
