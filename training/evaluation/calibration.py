"""Whether a probability of 0.6 comes true six times in ten."""

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.series import Floats

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Forecasts of about the same probability: their mean, and the share of them that went up."""

    rows: int
    probability: float
    frequency: float


def reliability(y_true: ArrayLike, probability: ArrayLike, *, bins: int = BINS) -> list[Bin]:
    """Bins of about equal mass, by quantiles of the probability; equal probabilities share a bin, empty ones go.

    y_true: (n,) 0 or 1. The equal-mass table of Nguyen & O'Connor (2015), Posterior calibration and exploratory
    analysis for natural language processing models.

    >>> reliability([0, 0, 1, 1], [0.25, 0.25, 0.75, 0.75], bins=2)
    [Bin(rows=2, probability=0.25, frequency=0.0), Bin(rows=2, probability=0.75, frequency=1.0)]
    """
    y, p = np.asarray(y_true, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    if len(p) == 0:
        return []
    places = equal_mass(p, bins=bins)
    rows = np.bincount(places, minlength=bins)
    masses, ups = np.bincount(places, p, minlength=bins), np.bincount(places, y, minlength=bins)
    return [
        Bin(rows=int(count), probability=float(mass / count), frequency=float(up / count))
        for count, mass, up in zip(rows, masses, ups, strict=True)
        if count
    ]


def equal_mass(values: Floats, *, bins: int) -> NDArray[np.intp]:
    """(n,) of each the bin, from 0, that its quantile puts it in; equal ones share a bin. n: 1 or more.

    >>> equal_mass(np.array([0.1, 0.3, 0.3, 0.9]), bins=2)
    array([0, 0, 0, 1])
    """
    edges = np.quantile(values, np.linspace(0, 1, bins + 1))
    return np.searchsorted(edges[1:-1], values)


def expected_calibration_error(y_true: ArrayLike, probability: ArrayLike, *, bins: int = BINS) -> float:
    """Mean distance of frequency from probability over the bins of `reliability`, weighted by their rows.

    Naeini, Cooper & Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian binning, on bins of
    equal mass. Above 0 even for a perfect forecaster, by about 0.4 / sqrt(rows in a bin). NaN without rows.

    >>> expected_calibration_error([0, 1], [0.5, 0.5])
    0.0
    """
    table = reliability(y_true, probability, bins=bins)
    rows = sum(entry.rows for entry in table)
    return sum(entry.rows * abs(entry.frequency - entry.probability) for entry in table) / rows if rows else nan
