"""Candles as arrays: what features, labels and the simulator see."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Seconds = NDArray[np.int64]
COLUMNS = ("opened_at", "open", "high", "low", "close", "volume")


@dataclass(frozen=True, eq=False)
class CandleSeries:
    """Candles of one market on its regular grid, oldest first.

    opened_at: (n,) unix seconds, exactly `interval` apart. open, high, low, close, volume: (n,) float64; NaN where
    the source has no such figure, and all NaN where it has no candle: a hole is seen, never filled.
    """

    interval: int  # seconds
    opened_at: Seconds
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    @classmethod
    def on_grid(cls, *, interval: int, opened_at: Seconds, **columns: Floats) -> Self:
        """Lay rows (any number of holes, ascending, unique, aligned to the interval) on the regular grid.

        Raises ValueError when a stamp is doubled, out of order or off the grid.
        """
        if len(opened_at) == 0:
            return cls(interval=interval, opened_at=opened_at, **columns)
        places, remainder = np.divmod(opened_at - opened_at[0], interval)
        if remainder.any() or (np.diff(places) <= 0).any():
            raise ValueError(f"stamps must ascend in steps of {interval} s")
        length = int(places[-1]) + 1
        laid = {name: np.full(length, np.nan) for name in columns}
        for name, values in columns.items():
            laid[name][places] = values
        grid = opened_at[0] + interval * np.arange(length, dtype=np.int64)
        return cls(interval=interval, opened_at=grid, **laid)

    @classmethod
    def end_to_end(cls, pieces: Sequence[Self]) -> Self:
        """Several series of one interval, one after the other: no grid as a whole, for windows that stay within one."""
        columns = {name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in COLUMNS}
        return cls(interval=pieces[0].interval, **columns)

    def __len__(self) -> int:
        return len(self.opened_at)

    def __getitem__(self, rows: slice) -> Self:
        """A contiguous stretch; a step other than 1 would break the grid."""
        if rows.step not in (None, 1):
            raise ValueError("a series is cut into contiguous stretches only")
        return type(self)(interval=self.interval, **{name: getattr(self, name)[rows] for name in COLUMNS})
