"""Candles as arrays: what features, labels and the simulator see."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Seconds = NDArray[np.int64]
Flags = NDArray[np.bool_]
COLUMNS = ("opened_at", "open", "high", "low", "close", "volume", "suspect")


def _none_suspect() -> Flags:
    return np.zeros(1, dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class CandleSeries:
    """Candles of one market on its regular grid, oldest first.

    opened_at: (n,) unix seconds, exactly `interval` apart. open, high, low, close, volume: (n,) float64; NaN where
    the source has no such figure, and all NaN where it has no candle: a hole is seen, never filled. suspect: (n,)
    bool, closes that are not to be learnt or answered from; none unless told. It is a judgement and no figure: no
    feature sees it, and neither does the candles' hash.
    """

    interval: int  # seconds
    opened_at: Seconds
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    suspect: Flags = field(default_factory=_none_suspect)

    def __post_init__(self) -> None:
        object.__setattr__(self, "suspect", np.broadcast_to(self.suspect, self.opened_at.shape))

    @classmethod
    def on_grid(cls, *, interval: int, opened_at: Seconds, **columns: Any) -> Self:
        """Lay rows (any number of holes, ascending, unique, aligned to the interval) on the regular grid.

        Raises ValueError when a stamp is doubled, out of order or off the grid.
        """
        if len(opened_at) == 0:
            return cls(interval=interval, opened_at=opened_at, **columns)
        places, remainder = np.divmod(opened_at - opened_at[0], interval)
        if remainder.any() or (np.diff(places) <= 0).any():
            raise ValueError(f"stamps must ascend in steps of {interval} s")
        length = int(places[-1]) + 1
        laid = {name: _laid(values, places, length) for name, values in columns.items()}
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


def _laid(values: NDArray[Any], places: Seconds, length: int) -> NDArray[Any]:
    """With holes between: no figure is there, and nothing is suspect."""
    column = np.full(length, False if values.dtype == np.bool_ else np.nan, dtype=values.dtype)
    column[places] = values
    return column
