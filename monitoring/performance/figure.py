"""A figure that is never told without what says how much it means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isnan

from training.evaluation.bootstrap import Interval

FEWEST = 30  # outcomes, below which a figure says nothing
JUDGED = 100  # outcomes, below which none is held against its baseline


class Verdict(StrEnum):
    """Of the interval beside the baseline."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENT = "no_different"
    NOT_JUDGED = "not_judged"


@dataclass(frozen=True)
class Figure:
    """Of n outcomes, with its 95 % interval.

    baseline: what the same outcomes would have given without a model; None where there is none. The bounds are None
    where the outcomes are too few, or too much alike, for an interval; all three are where they are under FEWEST.
    """

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    baseline: float | None = None
    less_is_better: bool = False

    @classmethod
    def of(
        cls,
        value: float,
        bounds: tuple[float, float],
        *,
        n: int,
        baseline: float | None = None,
        less_is_better: bool = False,
    ) -> Figure:
        """NaN is told as None."""
        if n < FEWEST or isnan(value):
            return cls(n, less_is_better=less_is_better)
        low, high = (None if isnan(bound) else float(bound) for bound in bounds)
        return cls(n, float(value), low, high, baseline if baseline is None else float(baseline), less_is_better)

    @classmethod
    def of_interval(cls, found: Interval, *, baseline: float, less_is_better: bool = False) -> Figure:
        bounds = found.low, found.high
        return cls.of(found.value, bounds, n=found.n, baseline=baseline, less_is_better=less_is_better)

    @property
    def verdict(self) -> Verdict:
        if self.n < JUDGED or self.low is None or self.high is None or self.baseline is None:
            return Verdict.NOT_JUDGED
        if self.low <= self.baseline <= self.high:
            return Verdict.NO_DIFFERENT
        return Verdict.BETTER if (self.high < self.baseline) == self.less_is_better else Verdict.WORSE
