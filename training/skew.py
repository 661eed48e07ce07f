"""Whether the rows that a model is about to learn from are those that it would be shown as of the same moments.

A feature that looks ahead, that is scaled by the whole history or that reads further back than its window gives another
number when the row is computed as serving does: from the candles up to as_of, and no more of them than the window.
"""

from math import isclose

import numpy as np

from cryptoml_site.errors import Refused
from training.datasets import Dataset, Vectors, as_float32, place_of, stamp
from training.features.feature_set import FeatureSet
from training.series import CandleSeries

ROWS = 32  # compared, spread over the data
ROUNDING = 1e-5  # of a number: what float32 makes of a sum in another order


def refuse_skew(dataset: Dataset, series: CandleSeries, features: FeatureSet) -> None:
    """Compare rows of the dataset, to the bit, with what `newest_vector` gives for the same moments.

    Raises Refused (training_serving_skew), naming the feature.
    """
    if not len(dataset):
        return
    for row in np.unique(np.linspace(0, len(dataset) - 1, ROWS).astype(np.intp)):
        as_of = int(dataset.as_of[row])
        shown = as_float32(features.newest(series[: place_of(series, as_of) + 1]))
        differing = np.flatnonzero(shown.view(np.uint32) != dataset.X[row].view(np.uint32))
        if len(differing):
            raise _skewed(features, int(differing[0]), as_of, float(dataset.X[row, differing[0]]), shown)


def _skewed(features: FeatureSet, place: int, as_of: int, learnt: float, shown: Vectors) -> Refused:
    feature, other = features.features[place], float(shown[place])
    why = (
        "it adds in another order, so that the last bits differ: see training.features.windows"
        if isclose(learnt, other, rel_tol=ROUNDING)
        else "it sees what comes later, or what lies before its window: serving could not show what was learnt"
    )
    return Refused(
        f"feature {feature.name} of {features.name} is {learnt:.9g} as of {stamp(as_of)} when it is computed from the "
        f"whole history, and {other:.9g} from its window of {feature.window} candles up to then: {why}",
        code="training_serving_skew",
        evidence={"feature": feature.name, "as_of": stamp(as_of), "learnt": learnt, "shown": repr(other)},
    )
