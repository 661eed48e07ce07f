"""Whether the forecasts that a model is sure of are right more often, and how many they are.

The confidence of a forecast is the probability of what it calls: from 0.5, a shrug, to 1.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.bootstrap import Draws
from training.evaluation.calibration import equal_mass
from training.evaluation.metrics import called_up
from training.series import Floats

BUCKETS = 10
THRESHOLDS = (0.5, 0.52, 0.54, 0.56, 0.58, 0.6, 0.65, 0.7)


def confidence_of(probability: Floats) -> Floats:
    """(n,) of each forecast.

    >>> confidence_of(np.array([0.25, 0.5, 0.75]))
    array([0.75, 0.5 , 0.75])
    """
    return np.where(called_up(probability), probability, 1 - probability)


def hit_rates(truth: NDArray[np.int8], probability: Floats, draws: Draws) -> list[dict[str, Any]]:
    """Tenths of the forecasts, the least confident first: those of one confidence share a bucket, empty ones go.

    Literature asks for the last of them: Jaquart, Koepke & Weinhardt (2022) found 57.5 to 59.5 % right among the most
    confident tenth, where all together were 52.9 to 54.1 %.
    """
    if len(truth) == 0:
        return []
    confidence, hits = confidence_of(probability), called_up(probability) == truth
    places = equal_mass(confidence, bins=BUCKETS)
    return [
        {
            "from": confidence[within].min(),
            "to": confidence[within].max(),
            "confidence": confidence[within].mean(),
            "n": int(within.sum()),
            "hit_rate": draws.share(hits, within).bounds,
        }
        for within in (places == place for place in np.unique(places))
    ]


def coverage(truth: NDArray[np.int8], probability: Floats, draws: Draws) -> list[dict[str, Any]]:
    """What is left when only forecasts of a confidence from the threshold on count: their share, and their hit rate."""
    confidence, hits = confidence_of(probability), called_up(probability) == truth
    return [
        {
            "threshold": threshold,
            "n": int(called.sum()),
            "share": draws.mean(called).bounds,
            "hit_rate": draws.share(hits, called).bounds,
        }
        for threshold, called in ((threshold, confidence >= threshold) for threshold in THRESHOLDS)
    ]
