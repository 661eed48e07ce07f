"""What the stand-in quotes at a moment, and at which moments: CoinGecko's granularities, jitter and faults."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zlib import crc32

FIVE_MINUTES, HOUR, DAY = 300_000, 3_600_000, 86_400_000  # milliseconds, as all stamps here
PUBLISHED_AFTER = {FIVE_MINUTES: 0, HOUR: 0, DAY: 600_000}  # a day's point is there ten minutes after it


class Figures(NamedTuple):
    price: float
    market_cap: float | None
    total_volume: float | None


class Point(NamedTuple):
    stamp: int
    figures: Figures


Quote = Callable[[int], Figures | None]  # by stamp


def milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def wave(stamp: int) -> Figures:
    """A price that moves some percent a day, and a little within minutes, so that every shift is seen."""
    seconds = stamp / 1_000
    swing = 0.1 * math.sin(seconds / 100_003) + 0.02 * math.sin(seconds / 5_557) + 0.002 * math.sin(seconds / 197)
    price = 40_000 * math.exp(swing)
    return Figures(price, price * 19.5e6, 3e10 * (1.5 + math.sin(seconds / 40_009)))


@dataclass
class Quotes:
    """The points of one coin. `at` is asked for the stamp, or for the moment that was meant where `exact`."""

    at: Quote = wave
    exact: bool = False  # a point carries the figures of its hour or day, however far from it it is stamped
    holes: set[int] = field(default_factory=set)  # hours and days without a point, by their stamps
    jitter: bool = True
    blemishes: bool = True  # amounts that are null or zero

    def points(self, step: int, *, first: int, last: int, now: int) -> Iterator[Point]:
        """Those stamped from `first` to `last` that exist by `now`, in order."""
        for moment in range(first - first % step, last + step, step):
            for stamp in self._stamps(moment, step):
                known = stamp + PUBLISHED_AFTER[step] <= now
                if known and first <= stamp <= last and moment not in self.holes:
                    yield from self._point(stamp, moment)

    def live(self, now: int) -> Iterator[Point]:
        """The price of now, in whole seconds."""
        second = now - now % 1_000
        yield from self._point(second, second - second % HOUR)

    def _point(self, stamp: int, moment: int) -> Iterator[Point]:
        figures = self.at(moment if self.exact else stamp)
        if figures is not None:
            yield Point(stamp, blemished(figures, moment) if self.blemishes else figures)

    def _stamps(self, moment: int, step: int) -> list[int]:
        """Hourly points follow their hour by up to 12 minutes, a few precede it, and some hours have two."""
        if step == DAY or not self.jitter:
            return [moment]
        draw = crc32(b"%d" % moment)
        if step == FIVE_MINUTES:
            return [moment - 20_000 + draw % 79_999]
        late = 1 + draw % 720_000
        if draw % 37 == 5:
            return [moment - 41_357]
        return [moment + late, moment + late + 35 * 60_000] if draw % 31 == 7 else [moment + late]


def blemished(figures: Figures, moment: int) -> Figures:
    """Amounts are null or zero now and then."""
    draw = crc32(b"blemish %d" % moment)
    if draw % 29 == 0:
        return figures._replace(market_cap=None)
    if draw % 29 == 1:
        return figures._replace(market_cap=0, total_volume=0)
    return figures
