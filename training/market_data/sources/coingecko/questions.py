"""Which questions bring which candles: CoinGecko chooses the granularity by the span that is asked for.

A range of 2 to 90 days is hourly and a longer one daily; a day that ends now comes in five minutes. So hours are asked
for in windows of just below 90 days, and no window is shorter than two; days in windows of more than 90, however few
are wanted. The newest days come from the endpoint of the chart, which takes `interval=daily`: a long range may be 12
hours old, from a cache, while that one is at most half an hour old.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptoml_site.errors import Invalid, Refused
from training.market_data.sources.coingecko.points import tolerance
from training.models import Interval

DAY = timedelta(days=1)
WINDOW_OF_HOURS = 89 * DAY
SHORTEST_OF_HOURS = 2 * DAY
WINDOW_OF_DAYS = 1_000 * DAY
SHORTEST_OF_DAYS = 92 * DAY
NEAR = timedelta(hours=1)  # to now: our clock and CoinGecko's differ, and its answers come from a cache
NEWEST_DAYS = 88  # by the chart
INTERVALS = (Interval.FIVE_MINUTES, Interval.HOUR, Interval.DAY)
LONGEST = {  # candles of one question
    Interval.FIVE_MINUTES: DAY // timedelta(minutes=5),
    Interval.HOUR: WINDOW_OF_HOURS // timedelta(hours=1),
    Interval.DAY: WINDOW_OF_DAYS // DAY,
}


@dataclass(frozen=True)
class Question:
    """What is asked of a coin, for the candles with start <= opened_at < end."""

    start: datetime
    end: datetime
    live: bool  # the answer ends with the price of now
    endpoint: str
    params: dict[str, str] = field(default_factory=dict)


def check_interval(interval: Interval) -> None:
    if interval not in INTERVALS:
        raise Invalid(
            f"CoinGecko has no candles of {interval}: choose {', '.join(INTERVALS)}, or take them from an exchange",
            code="interval_unsupported",
            field="interval",
        )


def questions(interval: Interval, *, start: datetime, end: datetime, at: datetime) -> Iterator[Question]:
    """For the candles with start <= opened_at < end, oldest first. at: now. Raises Invalid or Refused for none."""
    check_interval(interval)
    step = timedelta(seconds=interval.seconds)
    end = min(end, at)
    if interval == Interval.FIVE_MINUTES and start < end:
        yield _five_minutes(start, end, at, step)
    elif interval == Interval.HOUR:
        yield from _ranges(start, end, at, step, window=WINDOW_OF_HOURS, shortest=SHORTEST_OF_HOURS)
    elif interval == Interval.DAY:
        newest = _midnight(at) - NEWEST_DAYS * DAY
        yield from _ranges(start, min(end, newest), at, step, window=WINDOW_OF_DAYS, shortest=SHORTEST_OF_DAYS)
        if max(start, newest) < end:
            yield _newest_days(max(start, newest), end, at)


def _five_minutes(start: datetime, end: datetime, at: datetime, step: timedelta) -> Question:
    if start + step < at - DAY:
        raise Refused(
            "CoinGecko has five minutes of the past 24 hours alone: ask for later candles, for 1h, or an exchange",
            code="history_limit",
            field="since",
        )
    return Question(start, end, live=True, endpoint="market_chart", params={"days": "1"})


def _ranges(
    start: datetime, end: datetime, at: datetime, step: timedelta, *, window: timedelta, shortest: timedelta
) -> Iterator[Question]:
    while start < end:
        last = min(start + window, end)
        since, until = _span(start + step - tolerance(step), last + tolerance(step), at, shortest)
        params = {"from": str(int(since.timestamp())), "to": str(int(until.timestamp()))}
        yield Question(start, last, live=at - until < NEAR, endpoint="market_chart/range", params=params)
        start = last


def _span(since: datetime, until: datetime, at: datetime, shortest: timedelta) -> tuple[datetime, datetime]:
    """Widened to the shortest span; into the past, which may be refused, only when the present leaves no other way."""
    until = min(max(until, since + shortest), at)
    return min(since, until - shortest), until


def _newest_days(start: datetime, end: datetime, at: datetime) -> Question:
    days = max(2, (_midnight(at) - start) // DAY + 1)
    return Question(start, end, live=True, endpoint="market_chart", params={"days": str(days), "interval": "daily"})


def _midnight(at: datetime) -> datetime:
    return datetime(at.year, at.month, at.day, tzinfo=UTC)
