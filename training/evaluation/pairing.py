"""Two forecasters of the same rows, told apart row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.evaluation.bootstrap import Draws, Interval
from training.evaluation.metrics import called_up, squared_errors
from training.series import Floats


@dataclass(frozen=True, eq=False)
class Paired:
    """What one did better than the other, above zero for the first; rows in time order."""

    more_right: Floats  # (n,) of -1, 0, 1: hit minus hit
    less_off: Floats  # (n,) squared distance from what happened, the second's minus the first's

    @classmethod
    def of(cls, truth: NDArray[np.int8], ours: ArrayLike, theirs: ArrayLike) -> Paired:
        """truth: (n,) 0 or 1; ours, theirs: (n,) probabilities of up."""
        hits, others = called_up(ours) == truth, called_up(theirs) == truth
        return cls(hits.astype(np.float64) - others, squared_errors(truth, theirs) - squared_errors(truth, ours))

    @property
    def rows(self) -> int:
        return len(self.more_right)

    def told_apart(self, *, horizon: int, seed: int) -> Difference:
        draws = Draws(self.rows, horizon=horizon, seed=seed)
        return Difference(accuracy=draws.mean(self.more_right), brier=draws.mean(self.less_off))


@dataclass(frozen=True)
class Difference:
    """By how much the first was right more often, and by how much its Brier score was lower."""

    accuracy: Interval
    brier: Interval
