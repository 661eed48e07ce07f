"""What share of the ups is found at the price of what share of false alarms, whatever the threshold."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.series import Floats

POINTS = 50


def roc_curve(y_true: ArrayLike, probability: ArrayLike, *, points: int = POINTS) -> tuple[Floats, Floats]:
    """False positive rates and true positive rates, both ascending from 0 to 1, `points` (>= 2) of each at most.

    y_true: (n,) 0 or 1. One point for each threshold (Fawcett, 2006, An introduction to ROC analysis); where there
    are more than `points`, those at even steps of the two rates' sum. Empty where one class is absent.

    >>> roc_curve([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.8])
    (array([0. , 0. , 0.5, 1. ]), array([0. , 0.5, 1. , 1. ]))
    """
    up = np.asarray(y_true).astype(bool)
    found, alarms = _by_threshold(up, np.asarray(probability, dtype=np.float64))
    if not up.any() or up.all():
        return np.empty(0), np.empty(0)
    true, false = found / found[-1], alarms / alarms[-1]
    kept = _at_even_steps(true + false, points)
    return false[kept], true[kept]


def _by_threshold(up: NDArray[np.bool_], probability: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many ups and downs are called up, from the threshold that calls none to the one that calls all."""
    order = np.argsort(-probability, kind="stable")
    last = np.flatnonzero(np.diff(probability[order], append=-1.0))  # rows of one probability are called together
    found, alarms = np.cumsum(up[order])[last], np.cumsum(~up[order])[last]
    return np.concatenate([[0], found]), np.concatenate([[0], alarms])


def _at_even_steps(along: Floats, points: int) -> NDArray[np.intp]:
    """Places of `points` at most, the first and the last among them. along: ascending."""
    return np.unique(np.searchsorted(along, np.linspace(along[0], along[-1], points)))
