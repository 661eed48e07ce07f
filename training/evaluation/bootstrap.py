"""Intervals for figures of rows that follow each other in time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil, nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.series import Floats

HORIZONS_PER_BLOCK = 4
FEWEST_BLOCKS = 8  # a resample of fewer blocks says more about where they were cut than about the mean
FEWEST_ROWS = 30  # of a bucket, for the same reason
RESAMPLES = 2_000
WEIGHED_RESAMPLES = 500  # for figures that look at every row of each resample
CHUNK = 50  # resamples whose weights are held at once

Weights = NDArray[np.float64]  # (r, n) how often each row was drawn, in each of r resamples


@dataclass(frozen=True)
class Interval:
    """A mean of n figures and its interval; low and high are NaN where the figures are too few for one."""

    value: float
    low: float
    high: float
    n: int
    block: int  # rows

    @property
    def above_zero(self) -> bool:
        return self.low > 0

    @property
    def below_zero(self) -> bool:
        return self.high < 0

    def as_json(self) -> dict[str, float]:
        """What a report keeps of it."""
        return {"value": self.value, "low": self.low, "high": self.high}


def block_length(n: int, *, horizon: int) -> int:
    """Rows per block: n^(1/3), and never under four horizons.

    The order n^(1/3) is the best for the variance of a mean (Kuensch 1989; Hall, Horowitz & Jing 1995). Labels of
    `horizon` candles overlap over `horizon` rows, and four times that keeps most of their dependence within a block.

    >>> block_length(1_000, horizon=1), block_length(1_000, horizon=24)
    (10, 96)
    """
    cube_root = round(float(np.cbrt(n)), 9)
    return max(HORIZONS_PER_BLOCK * horizon, ceil(cube_root))


def block_bootstrap(
    figures: ArrayLike, *, horizon: int, seed: int, level: float = 0.95, resamples: int = RESAMPLES
) -> Interval:
    """Percentile interval of the mean by the circular block bootstrap (Politis & Romano 1992, after Kuensch 1989).

    figures: (n,) in time order: hits of 0 or 1, or paired differences. horizon: rows over which labels overlap. The
    same figures and seed give the same interval.
    """
    values = np.asarray(figures, dtype=np.float64)
    return Draws(len(values), horizon=horizon, seed=seed, level=level, resamples=resamples).mean(values)


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    horizon: int
    seed: int
    level: float = 0.95
    resamples: int = RESAMPLES


class Draws:
    """Resamples of n rows in whole blocks that go round the end, the last one cut short to make n.

    Every figure is asked of the same ones, so that intervals of one report belong together.
    """

    def __init__(
        self, n: int, *, horizon: int, seed: int, level: float = 0.95, resamples: int = RESAMPLES
    ) -> None:
        self.n, self.block = n, block_length(n, horizon=horizon)
        self.seed, self.level, self.resamples = seed, level, resamples
