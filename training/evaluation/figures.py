"""The metrics of a walk-forward, each with its interval.

The values are those of `metrics` and `calibration`; here is only what a resample of the rows makes of each.
"""

import numpy as np
from numpy.typing import NDArray

from training.evaluation.bootstrap import Draws, Interval, Weighed, Weights
from training.evaluation.calibration import BINS, equal_mass, expected_calibration_error
from training.evaluation.metrics import Calls, balanced_accuracy, called_up, log_losses, roc_auc, squared_errors
from training.series import Floats

Truth = NDArray[np.int8]


def figures(truth: Truth, probability: Floats, draws: Draws) -> dict[str, Interval]:
    """By name. truth: (n,) 0 or 1; probability: (n,) of up; draws: of those n rows."""
    calls = called_up(probability)
    return {
        "accuracy": draws.mean(calls == truth),
        "balanced_accuracy": balance(truth, calls, draws),
        "roc_auc": draws.weighed(roc_auc(truth, probability), resampled_roc_auc(truth, probability)),
        "log_loss": draws.mean(log_losses(truth, probability)),
        "brier": draws.mean(squared_errors(truth, probability)),
        "ece": calibration_error(truth, probability, draws),
    }


def balance(truth: Truth, calls: Calls, draws: Draws) -> Interval:
    """Balanced accuracy."""
    return draws.figure(balanced_accuracy(truth, calls), _found_and_there(truth, calls == truth), _mean_share)


def calibration_error(truth: Truth, probability: Floats, draws: Draws) -> Interval:
    """Expected calibration error over ten bins of equal mass, which stay where the sample has them.

    The interval is of the error as measured on so many rows, luck included: a perfect forecaster is above zero too.
    """
    value = expected_calibration_error(truth, probability)
    return draws.figure(
        value, _off_by_bin(truth, probability), lambda off: np.abs(off).sum(axis=1) / draws.n, centred=True
    )


def resampled_roc_auc(truth: Truth, probability: Floats) -> Weighed:
    """The area for rows that count as often as they were drawn; NaN for a resample without both classes.

    Rows are put in the order of their probability once. A chunk of resamples then costs a few passes: how many downs
    lie below each group of equal probabilities, and half of those within it, summed over the ups of the group.
    """
    order = np.argsort(probability, kind="stable")
    up = truth[order].astype(np.float64)
    firsts = np.flatnonzero(np.diff(probability[order], prepend=-np.inf))

    def area(weights: Weights) -> Floats:
        drawn = weights[:, order]
        ups = np.add.reduceat(drawn * up, firsts, axis=1)
        downs = np.add.reduceat(drawn, firsts, axis=1) - ups
        below = np.cumsum(downs, axis=1) - downs / 2
        with np.errstate(invalid="ignore"):
            found: Floats = (ups * below).sum(axis=1) / (ups.sum(axis=1) * downs.sum(axis=1))
        return found

    return area


def _found_and_there(truth: Truth, hits: NDArray[np.bool_]) -> Floats:
    """(n, 4): ups called up, ups, downs called down, downs."""
    up = truth.astype(bool)
    return np.stack([hits & up, up, hits & ~up, ~up], axis=1).astype(np.float64)


def _mean_share(sums: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        shares: Floats = (sums[:, 0] / sums[:, 1] + sums[:, 2] / sums[:, 3]) / 2
    return shares


def _off_by_bin(truth: Truth, probability: Floats) -> Floats:
    """(n, bins): in the column of its bin, how far the probability of a row is from what happened."""
    off = np.zeros((len(truth), BINS))
    if len(truth):
        off[np.arange(len(truth)), equal_mass(probability, bins=BINS)] = probability - truth
    return off
