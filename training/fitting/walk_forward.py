"""Walk-forward: fit on the past, answer the rows after it, move on."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.model_selection import TimeSeriesSplit

from cryptoml_site.errors import Invalid, Refused
from training.datasets import Vectors
from training.evaluation.walk import Fold, Walk
from training.fitting.estimators.estimator import Estimator, Labels, Number

FEWEST_ROWS_PER_FOLD = 100
Progress = Callable[[int, int], None]
Examine = Callable[[Fold, Any], None]  # a fold and the native model that answered it


def silent(done: int, total: int) -> None:
    """Progress that nobody follows."""


def unexamined(fold: Fold, model: Any) -> None:
    """The model of a fold is dropped once it has answered."""


def walk_forward(
    X: Vectors,
    y: Labels,
    *,
    estimator: Estimator,
    params: Mapping[str, Number],
    horizon: int,
    folds: int = 8,
    seed: int = 7,
    progress: Progress = silent,
    examine: Examine = unexamined,
) -> Walk:
    """Answers for every test row, each by a model fitted anew on the rows before its fold alone.

    X: (m, k), y: (m,), in time order. The training rows grow from fold to fold. `horizon` rows before each test fold
    are purged: the label of the last training row is settled one candle before the first test row's as_of (in rows
    with holes, earlier still). Refused: too_few_rows, one_class.
    """
    cuts = cut(len(y), folds=folds, horizon=horizon)
    for fold in cuts:
        _refuse_one_class(fold, y)
    answers = []
    for done, fold in enumerate(cuts, start=1):
        model = estimator.fit(X[fold.train], y[fold.train], params, seed=seed)
        answers.append(estimator.probability_up(model, X[fold.test]))
        examine(fold, model)
        progress(done, len(cuts))
    return Walk(folds=cuts, probability=np.concatenate(answers).astype(np.float64))


def cut(rows: int, *, folds: int, horizon: int) -> tuple[Fold, ...]:
    """Where the folds lie. Refused where a fold would be too small to fit on or to judge by."""
    if folds < 2:
        raise Invalid(f"{folds} folds make no walk: ask for 2 or more", code="invalid_folds", field="folds")
    needed = (folds + 1) * (FEWEST_ROWS_PER_FOLD + horizon)
    if rows < needed:
        raise Refused(
            f"{rows:,} rows are too few for {folds} folds with a horizon of {horizon}, {needed:,} are needed: load a "
            "longer history, or ask for fewer folds",
            code="too_few_rows",
            evidence={"rows": rows, "needed": needed, "folds": folds, "horizon": horizon},
        )
    splits = TimeSeriesSplit(n_splits=folds, gap=horizon).split(np.empty(rows))
    return tuple(Fold(int(train[-1]) + 1, int(test[0]), int(test[-1]) + 1) for train, test in splits)


def _refuse_one_class(fold: Fold, y: Labels) -> None:
    ups = int(y[fold.train].sum())
    if ups in (0, fold.train_stop):
        way = "up" if ups else "down or nowhere"
        raise Refused(
            f"all of the first {fold.train_stop:,} rows went {way}, so that a fold has nothing to tell apart: load "
            "another stretch of history, or ask for fewer folds",
            code="one_class",
            evidence={"rows": fold.train_stop, "ups": ups},
        )
