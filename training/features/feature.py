"""One feature: a pure function of candles that states its unit, its window and what it reads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.features.windows import unbroken
from training.series import CandleSeries, Floats

Column = Literal["open", "high", "low", "close", "volume"]
Rows = NDArray[np.bool_]

DTYPE = "float32"  # in which models take every feature


def present(figures: Floats) -> Rows:
    """Where there is a figure: finite and above zero, since no price is zero and a volume of zero means absent."""
    return np.isfinite(figures) & (figures > 0)


def whole(series: CandleSeries, column: Column, window: int) -> Rows:
    """Rows whose whole window, `window` candles ending with the row's own, has the figure."""
    rows: Rows = unbroken(present(getattr(series, column))) >= window
    return rows


class Domain(NamedTuple):
    """Where a feature's values lie by its definition, and where their median over a long window does.

    A median outside tells of another unit: a strength of 0.5 lies between 0 and 100 and is none.
    """

    low: float
    high: float
    median_low: float
    median_high: float


@dataclass(frozen=True)
class Feature:
    """`window`: candles, ending with t, that entry t sees. `reads`: the figures that all of them must have.

    `scale_free`: no change of bits when every price, or every volume, doubles. `domain`: where its definition has one
    that an error of the pipeline would leave.
    """

    name: str
    unit: str
    description: str
    window: int
    compute: Callable[[CandleSeries], Floats]
    scale_free: bool
    reads: tuple[Column, ...] = ("close",)
    domain: Domain | None = None

    def column(self, series: CandleSeries) -> Floats:
        """(n,) values; NaN where a figure is absent from the window, though the formula might step over it."""
        with np.errstate(all="ignore"):  # what overflows stays infinite, and is refused by whoever casts it
            values = np.asarray(self.compute(series))
        if values.shape != (len(series),):  # another would be repeated, or laid across, without a word
            raise ValueError(f"it gave an array {values.shape} for {len(series):,} candles: give one number for each")
        for figure in self.reads:
            values = np.where(whole(series, figure, self.window), values, np.nan)
        return values

    def described(self) -> dict[str, str]:
        return {"name": self.name, "dtype": DTYPE, "unit": self.unit, "description": self.description}
