"""Minutes, hours, days and months of UTC, and how they tile a stretch of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Span(StrEnum):
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


BELOW = {Span.HOUR: Span.MINUTE, Span.DAY: Span.HOUR, Span.MONTH: Span.DAY}  # what each is made of, in that order
LONGEST_FIRST = (Span.MONTH, Span.DAY, Span.HOUR, Span.MINUTE)
BEGINNING = datetime(2009, 1, 1, tzinfo=UTC)  # nothing was counted before
END = datetime(9999, 1, 1, tzinfo=UTC)  # nothing will be counted after

_LENGTH = {Span.MINUTE: timedelta(minutes=1), Span.HOUR: timedelta(hours=1), Span.DAY: timedelta(days=1)}
_ZERO = {
    Span.MINUTE: {"second": 0},
    Span.HOUR: {"minute": 0, "second": 0},
    Span.DAY: {"hour": 0, "minute": 0, "second": 0},
    Span.MONTH: {"day": 1, "hour": 0, "minute": 0, "second": 0},
}


@dataclass(frozen=True, order=True)
class Stretch:
    """From start until before end."""

    start: datetime
    end: datetime
    span: Span = Span.MINUTE

    def of(self, span: Span) -> Stretch:
        """The whole spans that it touches."""
        return Stretch(floor(self.start, span), ceiling(self.end, span), span)


def floor(moment: datetime, span: Span) -> datetime:
    """When the span began that holds the moment.

    >>> floor(datetime(2026, 11, 23, 10, 7, 9, tzinfo=UTC), Span.HOUR).isoformat()
    '2026-11-23T10:00:00+00:00'
    """
    return moment.astimezone(UTC).replace(microsecond=0, **_ZERO[span])  # type: ignore[arg-type]


def ceiling(moment: datetime, span: Span) -> datetime:
    """The moment itself where a span begins with it, else when the next one begins."""
    start = floor(moment, span)
    return start if start == moment else following(start, span)


def following(start: datetime, span: Span) -> datetime:
    """When the span after the one that begins at start begins."""
    if span is Span.MONTH:
        return floor(start + timedelta(days=31), Span.MONTH)
    return start + _LENGTH[span]


def cover(start: datetime, end: datetime, spans: Sequence[Span] = LONGEST_FIRST) -> list[Stretch]:
    """The fewest stretches of whole spans that make up the time from start until before end, both full minutes.

    >>> [(s.span.value, f"{s.start:%d %H:%M}") for s in cover(
    ...     datetime(2026, 11, 21, 22, 58, tzinfo=UTC), datetime(2026, 11, 23, 1, 2, tzinfo=UTC))]
    [('minute', '21 22:58'), ('hour', '21 23:00'), ('day', '22 00:00'), ('hour', '23 00:00'), ('minute', '23 01:00')]
    """
    if start >= end or not spans:
        return []
    longest, *shorter = spans
    first, last = ceiling(start, longest), floor(end, longest)
    if first >= last:
        return cover(start, end, shorter)
    return [*cover(start, first, shorter), Stretch(first, last, longest), *cover(last, end, shorter)]


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same time in stretches of minutes that neither touch nor overlap."""
    found: list[Stretch] = []
    for stretch in sorted(stretches):
        if found and stretch.start <= found[-1].end:
            found[-1] = Stretch(found[-1].start, max(found[-1].end, stretch.end))
        else:
            found.append(Stretch(stretch.start, stretch.end))
    return found
