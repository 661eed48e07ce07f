"""What one choice of parameters is worth before the first row that the walk-forward judges: a walk within that past."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from math import isnan, nan, sqrt
from typing import Any, Self

import numpy as np

from cryptoml_site.errors import Refused
from training.datasets import Dataset
from training.evaluation.metrics import called_up, log_losses
from training.evaluation.overfitting import block_sums
from training.evaluation.sharpe import sharpe_ratio
from training.evaluation.trading import net_returns
from training.evaluation.walk import Fold
from training.fitting.learner import Learner
from training.fitting.walk_forward import cut
from training.series import Floats
from training.tried import Tried

FOLDS = 4
STRETCHES = 4  # of each fold, whose losses are compared one by one


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """The rows that a search sees, and nothing of those after them; cut as the walk-forward cuts all rows."""

    dataset: Dataset
    folds: tuple[Fold, ...]
    sha256: str  # of the rows

    @classmethod
    def on(cls, dataset: Dataset, learner: Learner) -> Self:
        """Raises Refused (too_few_rows, one_class) where a fold has too little to learn from."""
        options = learner.options
        try:
            folds = cut(
                len(dataset), folds=FOLDS, horizon=dataset.horizon, embargo=options.embargo, window=options.window
            )
            for fold in folds:
                learner.lessons(dataset, fold.train)
        except Refused as refused:
            raise Refused(
                f"a search sees only the {len(dataset):,} rows before the first test fold, cut into {FOLDS} folds of "
                f"its own, and there {refused}",
                code=refused.code,
                evidence=refused.evidence,
            ) from refused
        return cls(dataset, folds, rows_sha256(dataset))

    @property
    def until(self) -> int:
        """as_of of the newest row."""
        return int(self.dataset.as_of[-1])


@dataclass(eq=False)
class Attempt:
    """One choice of parameters on its way through a rehearsal."""

    rehearsal: Rehearsal
    learner: Learner
    _answers: list[Floats] = field(default_factory=list)
    _losses: list[Floats] = field(default_factory=list)  # of each row

    def walk(self) -> Iterator[list[float]]:
        """The mean log loss of each stretch so far, after each fold. Raises ValueError where an answer is no number."""
        for fold in self.rehearsal.folds:
            self._answer(fold)
            yield self.losses

    @property
    def losses(self) -> list[float]:
        return [float(stretch.mean()) for fold in self._losses for stretch in np.array_split(fold, STRETCHES)]

    @property
    def log_loss(self) -> float | None:
        return float(np.concatenate(self._losses).mean()) if self._losses else None

    def _answer(self, fold: Fold) -> None:
        dataset = self.rehearsal.dataset
        model = self.learner.fit(dataset, fold.train)
        answers = self.learner.probability_up(model, dataset.X[fold.test])
        if not np.isfinite(answers).all():
            raise ValueError(f"it answered {int((~np.isfinite(answers)).sum())} of {fold.rows} rows with no number")
        self._answers.append(answers)
        self._losses.append(log_losses(dataset.y[fold.test], answers))

    @property
    def _answered(self) -> slice:
        done = self.rehearsal.folds[: len(self._answers)]
        return slice(done[0].test_start, done[-1].test_stop)

    def blocks(self) -> list[list[float]]:
        """Of an attempt that answered every row: what its returns after costs add up to in each stretch of time."""
        sums: list[list[float]] = block_sums(self._net()).tolist()
        return sums

    def sharpe(self) -> float | None:
        """Per candle, after costs, of the rows answered so far."""
        ratio = sharpe_ratio(self._net()) / sqrt(self.rehearsal.dataset.horizon) if self._answers else nan
        return None if isnan(ratio) else ratio

    def _net(self) -> Floats:
        dataset, calls = self.rehearsal.dataset, called_up(np.concatenate(self._answers))
        return net_returns(calls, dataset.log_return[self._answered], horizon=dataset.horizon)


def seen_by_search(dataset: Dataset, rows: int, past: Sequence[Tried]) -> Dataset:
    """The first `rows` rows or, where trials were made before their process was killed, the rows that those saw.

    New candles move the first test fold on; the rows before its old place are still before all that is judged, so the
    search goes on with them. Where they have changed themselves, the old trials say nothing about the new rows.
    """
    if past:
        stop = int(np.searchsorted(dataset.as_of, past[-1].until, side="right"))
        if stop <= rows and rows_sha256(first_rows(dataset, stop)) == past[-1].rows_sha256:
            return first_rows(dataset, stop)
    return first_rows(dataset, rows)


def first_rows(dataset: Dataset, rows: int) -> Dataset:
    columns = ((entry.name, getattr(dataset, entry.name)) for entry in fields(dataset))
    cut_off: dict[str, Any] = {name: column[:rows] for name, column in columns if isinstance(column, np.ndarray)}
    return replace(dataset, **cut_off)


def rows_sha256(dataset: Dataset) -> str:
    digest = sha256()
    for array in (dataset.X, dataset.y, dataset.as_of, dataset.log_return, dataset.sigma):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
