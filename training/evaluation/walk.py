"""What a walk-forward left behind: where it was cut, and what the models fitted on the way answered."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from training.series import Floats

Figure = TypeVar("Figure", bound=np.generic)


@dataclass(frozen=True)
class Fold:
    """Rows [train_start, train_stop) were there to be fitted, rows [test_start, test_stop) answered; those between are
    purged, or lie within the embargo."""

    train_start: int
    train_stop: int
    test_start: int
    test_stop: int

    @property
    def train(self) -> slice:
        return slice(self.train_start, self.train_stop)

    @property
    def test(self) -> slice:
        return slice(self.test_start, self.test_stop)

    @property
    def rows(self) -> int:
        """Rows answered."""
        return self.test_stop - self.test_start


@dataclass(frozen=True, eq=False)
class Walk:
    """Folds in time order, each beginning where the one before ends."""

    folds: tuple[Fold, ...]
    probability: Floats  # (rows answered,) of up

    @property
    def answered(self) -> slice:
        """All answered rows of the data."""
        return slice(self.folds[0].test_start, self.folds[-1].test_stop)

    def answers(self, fold: Fold) -> Floats:
        """(fold.rows,) probabilities of one fold."""
        return self.of_fold(fold, self.probability)

    def of_fold(self, fold: Fold, figures: NDArray[Figure]) -> NDArray[Figure]:
        """(fold.rows,) of (rows answered,) figures."""
        start = self.folds[0].test_start
        return figures[fold.test_start - start : fold.test_stop - start]

    def base_rates(self, y: NDArray[np.int8]) -> Floats:
        """(rows answered,) share of ups in the training rows of each row's fold: the constant forecast."""
        return np.concatenate([np.full(fold.rows, y[fold.train].mean()) for fold in self.folds])
