"""From rows of a dataset to a fitted model, as the recipe asks: which of them teach, and what each counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryptoml_site.errors import Refused
from training.datasets import Dataset, Vectors
from training.fitting import calibrating
from training.fitting.estimators.estimator import Estimator, Number
from training.fitting.slices import newest_fifth, refuse_one_class
from training.fitting.weights import effective_rows, row_weights
from training.labels import within_dead_zone
from training.recipe import FEWEST_ROWS, Options
from training.series import Floats

FEWEST_CALIBRATED = 20  # rows
Places = NDArray[np.intp]  # row numbers of a dataset, ascending


@dataclass(frozen=True, eq=False)
class Lessons:
    """Rows that a model is learnt from. Rows of the dead zone are in neither part."""

    fitted: Places
    held_back: Places  # to calibrate on: the newest fifth, a horizon later than the others; none where nothing is


@dataclass(frozen=True, eq=False)
class Learner:
    """An estimator with its parameters and the options of its recipe; what it learns is in the models that it returns.

    Everything that is fitted is fitted here, on rows that were given for it: within a fold, or all rows at the end.
    """

    estimator: Estimator
    params: Mapping[str, Number]  # complete
    options: Options
    seed: int

    def fit(self, dataset: Dataset, rows: slice) -> Any:
        """The native model of these rows alone. Raises Refused as `lessons` does."""
        lessons = self.lessons(dataset, rows)
        model = self.estimator.fit(
            dataset.X[lessons.fitted],
            dataset.y[lessons.fitted],
            self.params,
            seed=self.seed,
            weight=self._weight(dataset, lessons.fitted),
            horizon=dataset.horizon,
        )
        if not len(lessons.held_back):
            return model
        later = lessons.held_back
        weight = self._weight(dataset, later)
        return calibrating.calibrated(self.estimator, model, dataset.X[later], dataset.y[later], weight=weight)

    def probability_up(self, model: Any, X: Vectors) -> Floats:
        """(m,) of any rows, those of the dead zone too."""
        return calibrating.probability_up(self.estimator, model, X)

    def to_onnx(self, model: Any, width: int) -> bytes:
        return calibrating.to_onnx(self.estimator, model, width)

    def lessons(self, dataset: Dataset, rows: slice) -> Lessons:
        """Which of the rows teach. Raises Refused (too_few_rows, one_class) where those are not enough."""
        places = np.arange(rows.start, rows.stop)
        fitted, held_back = places, places[:0]
        if self.options.calibration != "none":
            older, newest = newest_fifth(len(places), horizon=dataset.horizon)
            fitted, held_back = places[older], places[newest]
        teaches = ~within_dead_zone(dataset.log_return, dataset.sigma, sigmas=self.options.dead_zone)
        lessons = Lessons(fitted[teaches[fitted]], held_back[teaches[held_back]])
        self._refuse_poor(lessons, dataset, rows)
        return lessons

    def _refuse_poor(self, lessons: Lessons, dataset: Dataset, rows: slice) -> None:
        said = f"rows {rows.start:,} to {rows.stop - 1:,}"
        _refuse_too_few(lessons.fitted, FEWEST_ROWS, f"of {said} the part to fit on")
        refuse_one_class(dataset.y[lessons.fitted], f"of {said} those that are fitted")
        self._refuse_faded(dataset, lessons.fitted, said)
        if self.options.calibration != "none":
            _refuse_too_few(lessons.held_back, FEWEST_CALIBRATED, f"of {said} the newest fifth, to calibrate on,")
            refuse_one_class(dataset.y[lessons.held_back], f"of {said} those to calibrate on")

    def _refuse_faded(self, dataset: Dataset, fitted: Places, said: str) -> None:
        """Where all but a few rows weigh next to nothing, a model of those few is what would come of it."""
        weight = self._weight(dataset, fitted)
        worth = len(fitted) if weight is None else effective_rows(weight)
        if worth < FEWEST_ROWS:
            raise Refused(
                f"of {said} the {len(fitted):,} to fit on are worth {worth:.1f} as they are weighed, {FEWEST_ROWS} are "
                f"needed: ask for a longer half_life than {self.options.half_life:g} days",
                code="too_few_rows",
                field="half_life",
                evidence={"rows": len(fitted), "worth": worth, "needed": FEWEST_ROWS},
            )

    def _weight(self, dataset: Dataset, places: Places) -> Floats | None:
        return row_weights(
            dataset.y[places], dataset.as_of[places], balance=self.options.balance, half_life=self.options.half_life
        )


def _refuse_too_few(places: Places, fewest: int, what: str) -> None:
    if len(places) < fewest:
        raise Refused(
            f"{what} has {len(places):,} rows that teach, {fewest} are needed: load a longer history, or ask for fewer "
            "folds, a longer window or a smaller dead zone",
            code="too_few_rows",
            evidence={"rows": len(places), "needed": fewest},
        )
