"""Intervals for figures of rows that follow each other in time."""

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from math import ceil, isnan, nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.series import Floats

HORIZONS_PER_BLOCK = 4
FEWEST_BLOCKS = 8  # a resample of fewer blocks says more about where they were cut than about the mean
FEWEST_ROWS = 30  # of those that a share is taken of
RESAMPLES = 2_000
WEIGHED = 500  # resamples for a figure that looks at the rows of each one anew
MEANINGLESS = 0.01  # share of resamples that may lack what the figure needs, such as one of the classes
CHUNK = 50  # resamples held at once

Rows = NDArray[np.int32]
Weights = NDArray[np.float64]  # (r, n) how often each row was drawn, in each of r resamples
Weighed = Callable[[Weights], Floats]  # to the (r,) figures of those resamples


@dataclass(frozen=True)
class Interval:
    """A figure of n rows and its interval; low and high are NaN where the rows are too few for one."""

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

    @property
    def bounds(self) -> dict[str, float]:
        """As a report keeps a figure."""
        return {"value": self.value, "low": self.low, "high": self.high}

    def times(self, factor: float) -> "Interval":
        """The same in another unit."""
        return Interval(self.value * factor, self.low * factor, self.high * factor, self.n, self.block)


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


@dataclass(frozen=True)
class Draws:
    """Resamples of n rows in time order: whole blocks that go round the end, and one that is cut short to make n.

    The figures of one report are all asked of the same resamples, each drawn once.
    """

    n: int
    _: KW_ONLY
    horizon: int
    seed: int
    level: float = 0.95
    resamples: int = RESAMPLES

    @property
    def block(self) -> int:
        return block_length(self.n, horizon=self.horizon)

    @property
    def enough(self) -> bool:
        """Whether an interval would mean anything."""
        return self.n >= FEWEST_BLOCKS * self.block

    def mean(self, values: ArrayLike) -> Interval:
        """Of (n,) figures."""
        figures = np.asarray(values, dtype=np.float64)
        value = float(figures.mean()) if self.n else nan
        return self.figure(value, figures[:, np.newaxis], lambda sums: sums[:, 0] / self.n)

    def share(self, hits: ArrayLike, among: NDArray[np.bool_]) -> Interval:
        """Mean of the (n,) hits of those rows that are `among`; no bounds where these are few, or of few blocks."""
        rows, values = np.flatnonzero(among), np.where(among, np.asarray(hits, dtype=np.float64), 0.0)
        value = float(values[rows].mean()) if len(rows) else nan
        if len(rows) < FEWEST_ROWS or len(np.unique(rows // self.block)) < FEWEST_BLOCKS:
            return Interval(value, nan, nan, n=len(rows), block=self.block)
        found = self.figure(value, np.stack([values, among], axis=1), _ratio)
        return Interval(value, found.low, found.high, n=len(rows), block=self.block)

    def figure(
        self, value: float, columns: Floats, of_sums: Callable[[Floats], Floats], *, centred: bool = False
    ) -> Interval:
        """A figure that follows from the sums of (n, k) columns. of_sums: (r, k) sums to (r,) figures.

        centred: the resampled figures are moved so that their median is the value. For a mean of absolute differences,
        to which each resample adds luck of its own, on top of the luck that the sample had.
        """
        return self._interval(value, lambda: of_sums(self.sums(columns)), centred=centred)

    def weighed(self, value: float, figure: Weighed) -> Interval:
        """A figure that asks which rows were drawn, as a rank does: by the first WEIGHED resamples."""
        return self._interval(value, lambda: np.concatenate([figure(weights) for weights in self._weights()]))

    def sums(self, columns: Floats) -> Floats:
        """(resamples, k) sums of (n, k) columns."""
        (starts, ends), rest = self._starts, self.n % self.block
        summed = np.empty((self.resamples, columns.shape[1]))
        for place, column in enumerate(columns.T):
            whole, short = _circular_sums(column, self.block), _circular_sums(column, rest)
            for first in range(0, self.resamples, CHUNK):
                chunk = slice(first, first + CHUNK)
                summed[chunk, place] = whole[starts[chunk]].sum(axis=1) + short[ends[chunk]]
        return summed

    @cached_property
    def _starts(self) -> tuple[Rows, Rows]:
        """(resamples, blocks) rows at which whole blocks begin, and (resamples,) those of the one that is cut short."""
        rng, blocks = np.random.default_rng(self.seed), self.n // self.block
        drawn = [(rng.integers(self.n, size=blocks), rng.integers(self.n)) for _ in range(self.resamples)]
        return np.array([whole for whole, _ in drawn], np.int32), np.array([short for _, short in drawn], np.int32)

    def _weights(self) -> Iterator[Weights]:
        starts = np.column_stack(self._starts)[:WEIGHED]
        lengths = np.append(np.full(starts.shape[1] - 1, self.block), self.n % self.block)
        for first in range(0, len(starts), CHUNK):
            yield _times_drawn(starts[first : first + CHUNK], lengths, self.n)

    def _interval(self, value: float, resampled: Callable[[], Floats], *, centred: bool = False) -> Interval:
        """Percentiles; none where the figure has no meaning, or loses it in many a resample."""
        unbounded = Interval(value, nan, nan, n=self.n, block=self.block)
        if not self.enough or isnan(value):
            return unbounded
        figures = resampled()
        if np.isnan(figures).mean() > MEANINGLESS:
            return unbounded
        shares = [(1 - self.level) / 2, 0.5, (1 + self.level) / 2]
        low, median, high = (float(bound) for bound in np.nanquantile(figures, shares))
        shift = value - median if centred else 0.0
        return Interval(value, low + shift, high + shift, n=self.n, block=self.block)


def _circular_sums(values: Floats, length: int) -> Floats:
    """(n,) sums of `length` figures from each on, going round the end, by one cumulative sum.

    >>> _circular_sums(np.array([1.0, 2.0, 4.0]), 2)
    array([3., 6., 5.])
    """
    n = len(values)
    running = np.concatenate([[0.0], np.cumsum(np.concatenate([values, values[:length]]))])
    sums: Floats = running[length : length + n] - running[:n]
    return sums


def _times_drawn(starts: Rows, lengths: NDArray[np.int_], n: int) -> Weights:
    """(r, n) how many blocks cover each row. starts: (r, blocks); lengths: (blocks,), at most n.

    >>> _times_drawn(np.array([[0, 2]]), np.array([2, 2]), 3)
    array([[2., 1., 1.]])
    """
    resamples, width = len(starts), n + int(lengths.max(initial=0)) + 1
    rows = width * np.arange(resamples)[:, np.newaxis]
    begun, ended = (
        np.bincount((rows + places).ravel(), minlength=resamples * width) for places in (starts, starts + lengths)
    )
    covered = np.cumsum((begun - ended).reshape(resamples, width), axis=1, dtype=np.float64)
    covered[:, : width - n] += covered[:, n:]
    return covered[:, :n]


def _ratio(sums: Floats) -> Floats:
    """First column over second; NaN where a resample has none."""
    with np.errstate(invalid="ignore"):
        ratios: Floats = sums[:, 0] / sums[:, 1]
    return ratios
