"""Walk-forward: fit on the past, answer the rows after it, move on."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.model_selection import TimeSeriesSplit

from cryptoml_site.errors import Invalid, Refused
from training.datasets import Dataset
from training.evaluation.walk import Fold, Walk
from training.fitting.estimators.estimator import probabilities
from training.fitting.learner import Learner
from training.recipe import FEWEST_ROWS

Progress = Callable[[int, int], None]
Examine = Callable[[Fold, Any], None]  # a fold and the native model that answered it


def silent(done: int, total: int) -> None:
    """Progress that nobody follows."""


def unexamined(fold: Fold, model: Any) -> None:
    """The model of a fold is dropped once it has answered."""


def walk_forward(
    dataset: Dataset,
    learner: Learner,
    folds: tuple[Fold, ...],
    *,
    progress: Progress = silent,
    examine: Examine = unexamined,
) -> Walk:
    """Answers for every test row of the folds, each by a model fitted anew on the training rows of its fold alone.

    Raises Refused (too_few_rows, one_class), before anything is fitted, where a fold has too little to learn from, and
    PluginFailed (no_probabilities) where a model answers with none.
    """
    for fold in folds:
        learner.lessons(dataset, fold.train)
    answers = []
    for done, fold in enumerate(folds, start=1):
        model = learner.fit(dataset, fold.train)
        answered = np.asarray(learner.probability_up(model, dataset.X[fold.test]))
        answers.append(probabilities(answered, rows=fold.rows, of=learner.estimator.name))
        examine(fold, model)
        progress(done, len(folds))
    return Walk(folds=folds, probability=np.concatenate(answers).astype(np.float64))


def cut(rows: int, *, folds: int, horizon: int, embargo: int = 0, window: int = 0) -> tuple[Fold, ...]:
    """Where the folds lie. Refused where a fold would be too small to fit on or to judge by.

    The training rows grow from fold to fold or, with a window, are that many at most, the newest. `horizon` rows before
    each test fold are purged: the label of the last training row is settled one candle before the first test row's
    as_of (in rows with holes, earlier still). The embargo leaves out that many more.
    """
    if folds < 2:
        raise Invalid(f"{folds} folds make no walk: ask for 2 or more", code="invalid_folds", field="folds")
    gap = horizon + embargo
    needed = (folds + 1) * (FEWEST_ROWS + gap)
    if rows < needed:
        embargoed = f" and an embargo of {embargo}" if embargo else ""
        raise Refused(
            f"{rows:,} rows are too few for {folds} folds with a horizon of {horizon}{embargoed}, {needed:,} are "
            "needed: load a longer history, or ask for fewer folds",
            code="too_few_rows",
            evidence={"rows": rows, "needed": needed, "folds": folds, "horizon": horizon, "embargo": embargo},
        )
    splits = TimeSeriesSplit(n_splits=folds, gap=gap, max_train_size=window or None).split(np.empty(rows))
    return tuple(Fold(int(train[0]), int(train[-1]) + 1, int(test[0]), int(test[-1]) + 1) for train, test in splits)
