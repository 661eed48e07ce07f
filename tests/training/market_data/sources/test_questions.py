"""Every question is one that CoinGecko answers in the granularity that was meant."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoml_site.errors import Invalid, Refused
from tests.training.market_data.sources.asking import DAY, HOUR, MIDNIGHT, NOW, candles, grid, opened
from tests.training.market_data.sources.quotes import DAY as DAILY
from tests.training.market_data.sources.quotes import HOUR as HOURLY
from tests.training.market_data.sources.stand_in import step_of
from training.market_data.sources.coingecko.points import tolerance
from training.market_data.sources.coingecko.questions import LONGEST, questions
from training.models import Interval

FIVE_MINUTES = timedelta(minutes=5)


def ranges(interval, start, end, at=NOW):
    """Seconds from and to of each question that is a range."""
    asked = [found for found in questions(interval, start=start, end=end, at=at) if found.endpoint.endswith("range")]
    return [(found, int(found.params["from"]), int(found.params["to"])) for found in asked]


@given(back=st.integers(1, 3_000_000), length=st.integers(1, 3_000_000), interval=st.sampled_from(["1h", "1d"]))
def test_every_range_has_the_granularity_that_is_meant(back, length, interval):
    start = NOW - timedelta(minutes=back)
    step = timedelta(seconds=Interval(interval).seconds)
    now = int(NOW.timestamp())
    for found, since, until in ranges(Interval(interval), start, min(start + timedelta(minutes=length), NOW)):
        span = (until - since) / 86_400
        assert step_of(span, ends_now=until > now - 86_400) == (HOURLY if interval == "1h" else DAILY)
        assert until <= now
        assert since <= (found.start + step - tolerance(step)).timestamp() or found.live
        assert (found.end - found.start) // step <= LONGEST[Interval(interval)]


@given(back=st.integers(1, 3_000_000), length=st.integers(1, 3_000_000), interval=st.sampled_from(["1h", "1d"]))
def test_the_questions_together_cover_what_was_asked_once(back, length, interval):
    start = NOW - timedelta(minutes=back)
    end = min(start + timedelta(minutes=length), NOW)
    asked = list(questions(Interval(interval), start=start, end=end, at=NOW))
    assert [asked[0].start, *(found.end for found in asked)] == [*(found.start for found in asked), end]


@given(back=st.integers(1, 365 * 1440), length=st.integers(1, 3_000_000), interval=st.sampled_from(["1h", "1d"]))
def test_within_the_free_year_no_question_goes_beyond_it(back, length, interval):
    start = NOW - timedelta(minutes=back)
    for _, since, _ in ranges(Interval(interval), start, min(start + timedelta(minutes=length), NOW)):
        assert since >= (NOW - 365 * DAY).timestamp()


@pytest.mark.parametrize("hours", [1, 23, 24, 25, 48, 2_135, 2_136, 2_137, 5_000])
def test_hours_come_whole_however_many_are_asked(source, hours):
    start = NOW - hours * HOUR
    assert opened(candles(source(), start=start)) == grid(start, NOW, HOUR)


@pytest.mark.parametrize("days", [1, 2, 87, 88, 89, 90, 91, 92, 93, 250, 364])
def test_days_come_whole_however_many_are_asked(source, days):
    start = MIDNIGHT - days * DAY
    assert opened(candles(source(), Interval.DAY, start=start)) == grid(start, MIDNIGHT, DAY)


@pytest.mark.parametrize(("interval", "back"), [(Interval.HOUR, 360), (Interval.DAY, 360), (Interval.DAY, 91)])
def test_a_hole_long_ago_is_asked_for_alone(coingecko, source, interval, back):
    step = timedelta(seconds=interval.seconds)
    start = MIDNIGHT - back * DAY
    found = candles(source(), interval, start=start, end=start + 3 * step)
    assert opened(found) == grid(start, start + 3 * step, step)
    assert len(coingecko.asked) == 1


def test_the_newest_hours_have_the_prices_that_they_had_among_many(source):
    few, many = (candles(source(), start=NOW - back) for back in (3 * HOUR, 80 * DAY))
    assert few == many[-3:]


def test_five_minutes_are_there_for_a_day(source):
    oldest = source().oldest(Interval.FIVE_MINUTES, at=NOW)
    assert opened(candles(source(), Interval.FIVE_MINUTES, start=oldest)) == grid(NOW - DAY, NOW, FIVE_MINUTES)
    with pytest.raises(Refused, match="past 24 hours alone") as refused:
        candles(source(), Interval.FIVE_MINUTES, start=oldest - FIVE_MINUTES * 2)
    assert (refused.value.code, refused.value.field) == ("history_limit", "since")


@pytest.mark.parametrize("interval", [Interval.MINUTE, Interval.QUARTER, Interval.FOUR_HOURS])
def test_other_intervals_are_not_to_be_had(coingecko, source, interval):
    for ask in (
        lambda: candles(source(), interval, start=NOW - DAY),
        lambda: source().check("bitcoin", "usd", interval),
    ):
        with pytest.raises(Invalid, match="choose 5m, 1h, 1d, or take them from an exchange") as invalid:
            ask()
        assert (invalid.value.code, invalid.value.field) == ("interval_unsupported", "interval")
    assert coingecko.asked == []


def test_nothing_is_asked_for_nothing(coingecko, source):
    for interval in (Interval.FIVE_MINUTES, Interval.HOUR, Interval.DAY):
        assert candles(source(), interval, start=NOW, end=NOW) == []
        assert candles(source(), interval, start=NOW + DAY, end=NOW + 2 * DAY) == []
    assert coingecko.asked == []


def test_a_candle_that_is_still_open_is_never_given(source, set_clock):
    set_clock("2026-11-23T10:59:59Z")
    found = candles(source(), start=NOW - 5 * HOUR, end=NOW + 5 * HOUR)
    assert found[-1].opened_at == NOW - HOUR


def test_two_years_of_hours_come_in_windows(coingecko, source, settings):
    coingecko.pro = True
    settings.COINGECKO_API_KEY, settings.COINGECKO_KEY_KIND = "CG-pro-key", "pro"
    start = NOW - 2 * 365 * DAY
    assert source().oldest(Interval.HOUR, at=NOW) is None
    found = candles(source(), start=start)
    assert opened(found) == grid(start, NOW, HOUR)
    assert len(coingecko.asked) == -(-2 * 365 // 89)
