"""How right a classifier of up (1) against not up (0) was.

y_true and y_pred: (n,) 0 or 1, bool or integer. probability: (n,) of up. Every figure is NaN where it has no
meaning (no rows, or one class where two are needed), never 0.
"""

from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.series import Floats

Calls = NDArray[np.bool_]

CLIP = float(np.finfo(np.float64).eps)  # as scikit-learn: one certain mistake must not cost infinity


def called_up(probability: ArrayLike) -> Calls:
    """The call that a probability makes: up from one half on, as answers are given.

    >>> called_up([0.4, 0.5, 0.6])
    array([False,  True,  True])
    """
    calls: Calls = np.asarray(probability) >= 0.5
    return calls


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of right calls.

    >>> accuracy([1, 0, 1, 1], [1, 0, 0, 1])
    0.75
    """
    return _mean(np.asarray(y_true) == np.asarray(y_pred))


def balanced_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean of the shares of ups and of downs that were called: 0.5 for any constant call.

    Brodersen, Ong, Stephan & Buhmann (2010), The balanced accuracy and its posterior distribution.

    >>> balanced_accuracy([1, 0, 1, 1], [1, 1, 1, 1])
    0.5
    """
    up, hit = np.asarray(y_true).astype(bool), np.asarray(y_true) == np.asarray(y_pred)
    return (_mean(hit[up]) + _mean(hit[~up])) / 2


def brier(y_true: ArrayLike, probability: ArrayLike) -> float:
    """Mean squared distance of the probability from what happened: mean (p - y)^2.

    Brier (1950), Verification of forecasts expressed in terms of probability, for two classes counted once.

    >>> brier([1, 0], [0.5, 0.5])
    0.25
    """
    return _mean(squared_errors(y_true, probability))


def log_loss(y_true: ArrayLike, probability: ArrayLike) -> float:
    """Mean of -ln of the probability given to what happened (Good, 1952), probabilities clipped by 2.2e-16.

    >>> round(log_loss([1, 0], [0.5, 0.5]), 4)
    0.6931
    """
    return _mean(log_losses(y_true, probability))


def squared_errors(y_true: ArrayLike, probability: ArrayLike) -> Floats:
    """(n,) whose mean is the Brier score."""
    errors: Floats = (_floats(probability) - _floats(y_true)) ** 2
    return errors


def log_losses(y_true: ArrayLike, probability: ArrayLike) -> Floats:
    """(n,) whose mean is the log loss."""
    up, p = np.asarray(y_true).astype(bool), np.clip(_floats(probability), CLIP, 1 - CLIP)
    losses: Floats = -np.log(np.where(up, p, 1 - p))
    return losses


def roc_auc(y_true: ArrayLike, probability: ArrayLike) -> float:
    """Chance that an up has a higher probability than a down, ties counting half.

    The Mann-Whitney form, from the mean ranks of tied values: Hanley & McNeil (1982), The meaning and use of the
    area under a receiver operating characteristic (ROC) curve.

    >>> roc_auc([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.8])
    0.875
    """
    up = np.asarray(y_true).astype(bool)
    ups, downs = int(up.sum()), int((~up).sum())
    if ups == 0 or downs == 0:
        return nan
    above = _mean_ranks(_floats(probability))[up].sum() - ups * (ups + 1) / 2
    return float(above / (ups * downs))


def _mean_ranks(values: Floats) -> Floats:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return ranks


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _mean(values: NDArray[np.bool_] | Floats) -> float:
    return float(values.mean()) if len(values) else nan
