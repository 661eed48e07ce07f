"""How sure a share of few figures is."""

from math import isnan, sqrt

import numpy as np
from numpy.typing import NDArray

from training.evaluation.bootstrap import Draws

Z = 1.959963984540054  # 97.5 % of a standard normal lie below


def of_share(hits: NDArray[np.bool_], draws: Draws, among: NDArray[np.bool_] | None = None) -> tuple[float, float]:
    """Of the mean of those hits that are `among`, or of all: by the block bootstrap.

    Wilson's where they are too few for its blocks; labels over h candles overlap, and n of them say as much as n / h.
    """
    chosen = np.ones(len(hits), np.bool_) if among is None else among
    found = draws.mean(hits) if among is None else draws.share(hits, among)
    if isnan(found.low):
        return wilson(hits[chosen].sum() / draws.horizon, chosen.sum() / draws.horizon)
    return found.low, found.high


def of_balance(truth: NDArray[np.bool_], hits: NDArray[np.bool_], horizon: int) -> tuple[float, float]:
    """Of the mean of two shares, of the ups and of the downs that were called, where they are too few for blocks.

    From Wilson's interval of each (the square-and-add of Newcombe 1998, by Zou & Donner 2008). Both classes are there.
    """
    sides = [(hits[side].mean(), *wilson(hits[side].sum() / horizon, side.sum() / horizon)) for side in (truth, ~truth)]
    centre = sum(share for share, _, _ in sides) / 2
    below, above = (sqrt(sum((side[0] - side[end]) ** 2 for side in sides)) / 2 for end in (1, 2))
    return float(centre - below), float(centre + above)


def wilson(right: float, n: float) -> tuple[float, float]:
    """The 95 % interval of Wilson (1927) for `right` of n independent tries; n > 0.

    >>> [round(bound, 3) for bound in wilson(5, 10)]
    [0.237, 0.763]
    """
    share, weight = right / n, Z**2 / n
    centre = (share + weight / 2) / (1 + weight)
    half = Z * sqrt(share * (1 - share) / n + weight / (4 * n)) / (1 + weight)
    return float(centre - half), float(centre + half)
