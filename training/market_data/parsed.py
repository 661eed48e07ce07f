"""Candles on their way in: what every source turns its answer into, and what the store takes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from training.series import CandleSeries


class ParsedCandle(NamedTuple):
    """One closed candle; None where the source has no such figure. `opened_at` is UTC."""

    opened_at: datetime
    open: float | None
    high: float | None
    low: float | None
    close: float
    volume: float | None
    market_cap: float | None

    @property
    def figures(self) -> tuple[float | None, ...]:
        """All but the open time: what a source may revise."""
        return self[1:]


@dataclass(frozen=True)
class Gap:
    """Candles that are missing between two that are there."""

    first_missing: datetime
    candles: int

    def __str__(self) -> str:
        return f"{self.candles} missing from {self.first_missing:%Y-%m-%d %H:%M}"


def find_gaps(candles: Iterable[ParsedCandle], *, interval: int) -> list[Gap]:
    """Holes between candles that ascend on the grid of `interval` seconds."""
    step = timedelta(seconds=interval)
    opened = (candle.opened_at for candle in candles)
    return [
        Gap(first_missing=earlier + step, candles=(later - earlier) // step - 1)
        for earlier, later in pairwise(opened)
        if later - earlier > step
    ]


def from_series(series: CandleSeries) -> Iterator[ParsedCandle]:
    """The candles of a series without holes, with all figures but the market cap."""
    columns = (series.opened_at, series.open, series.high, series.low, series.close, series.volume)
    for seconds, opening, high, low, close, volume in zip(*(column.tolist() for column in columns), strict=True):
        yield ParsedCandle(datetime.fromtimestamp(seconds, UTC), opening, high, low, close, volume, market_cap=None)
