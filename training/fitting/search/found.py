"""What a search found, and what it tells of itself."""

from collections import Counter
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from training.datasets import Dataset, stamp
from training.evaluation.overfitting import probability_of_overfitting
from training.evaluation.report import plain
from training.fitting.estimators.estimator import Number
from training.fitting.search.rehearsal import FOLDS
from training.tried import State, Tried

FEWEST_COMPLETE = 8  # trials, for a probability of overfitting
SHOWN = 20  # trials in the report


@dataclass(frozen=True, eq=False)
class Found:
    params: dict[str, Number]  # all of them; as given where no trial answered every row
    tried: tuple[Tried, ...] = ()  # on these rows, by number; the first is of the parameters as given
    stale: tuple[Tried, ...] = ()  # made before the rows changed
    rows: Dataset | None = None  # that were searched on; None where nothing was searched
    asked: int = 0

    @property
    def best(self) -> Tried | None:
        """The lowest log loss; the earlier of two that are equal."""
        return min(self.complete, key=_log_loss, default=None)

    @property
    def complete(self) -> list[Tried]:
        return [ended for ended in self.tried if ended.state == State.COMPLETE]

    def other_ratios(self) -> list[float]:
        """Sharpe ratios of all trials that answered anything, but for the one that was chosen: that is walked anew."""
        answered = [ended for ended in (*self.stale, *self.tried) if ended.losses]
        return [ended.ratio for ended in answered if ended is not self.best]

    def report(self) -> dict[str, Any]:
        """Its keys in the report of a version; none where nothing was searched."""
        if self.rows is None:
            return {}
        return {"search": plain(self._figures(self.rows)), **self._overfitting()}

    def _figures(self, rows: Dataset) -> dict[str, Any]:
        counts = Counter(ended.state for ended in self.tried)
        return {
            "sentence": self._sentence(rows),
            "asked": self.asked,
            "tried": {"all": len(self.tried), **{state.value: counts[state] for state in State}},
            "rows": {"rows": len(rows), "start": stamp(rows.as_of[0]), "end": stamp(rows.as_of[-1])},
            "folds": FOLDS,
            "given": self.tried[0].log_loss if self.best else None,
            "found": self.best.log_loss if self.best else None,
            "leaders": [_row(ended) for ended in sorted(self.complete, key=_log_loss)[:SHOWN]],
        }

    def _overfitting(self) -> dict[str, Any]:
        """Nothing where too few trials answered every row."""
        if len(self.complete) < FEWEST_COMPLETE:
            return {}
        blocks = np.array([ended.blocks for ended in self.complete])
        return {"overfitting": {"probability": probability_of_overfitting(blocks), "trials": len(blocks)}}

    def _sentence(self, rows: Dataset) -> str:
        where = f"on the {len(rows):,} rows before the first test fold"
        if self.best is None:
            return f"No trial answered every row {where} in time: the parameters are those given."
        if self.best is self.tried[0]:
            return f"None of {len(self.tried)} trials had a lower log loss {where} than the parameters as given."
        return (
            f"Log loss {where}: {self.best.log_loss:.5f} with the parameters of trial {self.best.number}, the best of "
            f"{len(self.tried)}; {self.tried[0].log_loss:.5f} with those given."
        )


def _log_loss(ended: Tried) -> float:
    return inf if ended.log_loss is None else ended.log_loss


def _row(ended: Tried) -> dict[str, Any]:
    return {"number": ended.number, "params": ended.params, "log_loss": ended.log_loss, "sharpe": ended.sharpe}
