"""How much each row counts when a model is fitted."""

import numpy as np
from numpy.typing import NDArray

from training.fitting.estimators.estimator import Labels
from training.series import Floats, Seconds

DAY = 86_400  # seconds
FAINTEST = 1e-9  # so that no row, however old, weighs nothing at all


def row_weights(y: Labels, as_of: Seconds, *, balance: bool, half_life: float) -> Floats | None:
    """(m,) with a mean of 1, so that an estimator's own limits keep their meaning; None where all rows count the same.

    y: (m,) 0 or 1, both present. half_life: days after which a row counts half as much as the newest; 0 for none.
    balance: the weights of the ups add up to those of the downs, as faded by age.

    >>> row_weights(np.array([1, 0, 0]), np.array([0, DAY, 2 * DAY]), balance=True, half_life=0.0)
    array([1.5 , 0.75, 0.75])
    >>> row_weights(np.array([1, 0]), np.array([0, 2 * DAY]), balance=False, half_life=2.0).round(3)
    array([0.667, 1.333])
    """
    if not balance and not half_life:
        return None
    weights: Floats = faded(as_of, half_life=half_life) if half_life else np.ones(len(y))
    if balance:
        weights = balanced(weights, y)
    of_mean_one: Floats = weights / weights.mean()
    return of_mean_one


def faded(as_of: Seconds, *, half_life: float) -> Floats:
    """1 for the newest row, half of it after every half-life (days)."""
    age = (as_of.max() - as_of) / DAY
    weights: Floats = np.maximum(0.5 ** (age / half_life), FAINTEST)
    return weights


def balanced(weights: Floats, y: Labels) -> Floats:
    """Those of either class divided by their sum."""
    up: NDArray[np.bool_] = np.asarray(y) == 1
    shared: Floats = np.where(up, weights / weights[up].sum(), weights / weights[~up].sum())
    return shared


def effective_rows(weights: Floats) -> float:
    """How many rows of equal weight would give a mean as sure (Kish 1965, Survey sampling).

    >>> effective_rows(np.array([1.0, 1.0, 0.0, 0.0]))
    2.0
    """
    return float(weights.sum() ** 2 / (weights**2).sum())
