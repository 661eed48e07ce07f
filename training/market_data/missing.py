"""Which candles are absent, and how to ask for them in few questions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from django.db.models import DurationField, ExpressionWrapper, F, Window
from django.db.models.functions import Lead

from training.models import Market

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Stretch:
    """Open times from `start` on and before `end`, both on the grid of `step`."""

    start: datetime
    end: datetime
    step: timedelta

    @property
    def candles(self) -> int:
        return (self.end - self.start) // self.step

    def windows(self, size: int) -> int:
        """How many questions of `size` candles it takes."""
        return -(-self.candles // size)

    def up_to(self, other: Self) -> Self:
        """From the start of this one to the later end of the two."""
        return type(self)(self.start, max(self.end, other.end), self.step)

    def missing_of(self, market: Market) -> list["Stretch"]:
        """Where the market holds none of them."""
        return missing_stretches(market, start=self.start, end=self.end)


def missing_stretches(market: Market, *, start: datetime, end: datetime) -> list[Stretch]:
    """Where the market holds no candle that opened from `start` on and before `end`; oldest first."""
    held = market.candles.filter(opened_at__gte=start, opened_at__lt=end)
    first, last = held.order_by("opened_at").first(), held.order_by("-opened_at").first()
    if first is None or last is None:
        return _not_empty([Stretch(start, end, market.step)])
    inside = [Stretch(earlier + market.step, later, market.step) for earlier, later in _leaps(market, start, end)]
    before = Stretch(start, first.opened_at, market.step)
    return _not_empty([before, *inside, Stretch(last.opened_at + market.step, end, market.step)])


def merged(stretches: Iterable[Stretch], *, size: int) -> Iterator[Stretch]:
    """Neighbours together wherever one question covers what would take two; `size` candles fit into a question.

    >>> day = timedelta(days=1)
    >>> holes = [Stretch(EPOCH + start * day, EPOCH + end * day, day) for start, end in ((0, 2), (5, 6), (90, 91))]
    >>> [(found.start.day, found.candles) for found in merged(holes, size=30)]
    [(1, 6), (1, 1)]
    """
    waiting: Stretch | None = None
    for stretch in sorted(stretches, key=lambda found: found.start):
        if waiting is None:
            waiting = stretch
        elif waiting.up_to(stretch).windows(size) <= waiting.windows(size) + stretch.windows(size) - 1:
            waiting = waiting.up_to(stretch)
        else:
            yield waiting
            waiting = stretch
    if waiting is not None:
        yield waiting


def floor(moment: datetime, step: timedelta) -> datetime:
    """The last moment on the grid that is not after this one: where the candle opened that contains it."""
    return moment - (moment - EPOCH) % step


def ceiling(moment: datetime, step: timedelta) -> datetime:
    """The first moment on the grid that is not before this one."""
    return moment + (EPOCH - moment) % step


def _leaps(market: Market, start: datetime, end: datetime) -> Iterable[tuple[datetime, datetime]]:
    """Open times of neighbours with a hole between them, found by Postgres: years of minutes are millions of rows."""
    apart = ExpressionWrapper(F("following") - F("opened_at"), output_field=DurationField())
    return (
        market.candles.filter(opened_at__gte=start, opened_at__lt=end)
        .annotate(following=Window(Lead("opened_at"), order_by="opened_at"))
        .annotate(apart=apart)
        .filter(apart__gt=market.step)
        .order_by("opened_at")
        .values_list("opened_at", "following")
    )


def _not_empty(stretches: list[Stretch]) -> list[Stretch]:
    return [stretch for stretch in stretches if stretch.start < stretch.end]
