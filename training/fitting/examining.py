"""What the models of a walk-forward are asked before they are dropped."""

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from training.datasets import Dataset
from training.evaluation.importance import Losses, importance_table, permutation_losses
from training.evaluation.report import Report
from training.evaluation.walk import Fold
from training.fitting.learner import Learner

ROWS = 1_000  # of each fold: more of them would cost more than a tenth of the whole training


@dataclass(eq=False)
class PermutationImportance:
    """Asks the model of every fold how much it leans on each feature, on test rows of that fold."""

    learner: Learner
    dataset: Dataset
    seed: int
    seconds: float = 0.0  # spent on it so far
    _trials: list[Losses] = field(default_factory=list)
    _rows: int = 0

    def examine(self, fold: Fold, model: Any) -> None:
        """One shuffle of each feature: more rows say more than more shuffles of the same ones."""
        started = perf_counter()
        rng = np.random.default_rng([self.seed, fold.test_start])
        rows = fold.test_start + np.sort(rng.permutation(fold.rows)[:ROWS])
        self._trials.append(
            permutation_losses(
                lambda X: self.learner.probability_up(model, X), self.dataset.X[rows], self.dataset.y[rows], rng=rng
            )
        )
        self._rows += len(rows)
        self.seconds += perf_counter() - started

    def report(self) -> Report:
        return {"rows": self._rows, "features": importance_table(self.dataset.feature_names, self._trials)}
