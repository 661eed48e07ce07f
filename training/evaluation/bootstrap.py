"""Intervals for means of figures that follow each other in time."""

from dataclasses import dataclass
from math import ceil, nan

import numpy as np
from numpy.typing import ArrayLike

from training.series import Floats

HORIZONS_PER_BLOCK = 4
FEWEST_BLOCKS = 8  # a resample of fewer blocks says more about where they were cut than about the mean
RESAMPLES = 2_000


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
    n, block = len(values), block_length(len(values), horizon=horizon)
    if n < FEWEST_BLOCKS * block:
        return Interval(value=float(values.mean()) if n else nan, low=nan, high=nan, n=n, block=block)
    means = _resampled_means(values, block=block, resamples=resamples, rng=np.random.default_rng(seed))
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value=float(values.mean()), low=float(low), high=float(high), n=n, block=block)


def _resampled_means(values: Floats, *, block: int, resamples: int, rng: np.random.Generator) -> Floats:
    """(resamples,) means of n figures each: whole blocks, and one that is cut short to make n."""
    n = len(values)
    whole, rest = divmod(n, block)
    blocks, ends = _circular_sums(values, block), _circular_sums(values, rest)
    sums = [blocks[rng.integers(n, size=whole)].sum() + ends[rng.integers(n)] for _ in range(resamples)]
    return np.array(sums) / n


def _circular_sums(values: Floats, length: int) -> Floats:
    """(n,) sums of `length` figures from each on, going round the end, by one cumulative sum.

    >>> _circular_sums(np.array([1.0, 2.0, 4.0]), 2)
    array([3., 6., 5.])
    """
    n = len(values)
    running = np.concatenate([[0.0], np.cumsum(np.concatenate([values, values[:length]]))])
    sums: Floats = running[length : length + n] - running[:n]
    return sums
