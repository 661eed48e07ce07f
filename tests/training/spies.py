"""An estimator that tells which rows it was given, and a dataset whose rows bear their numbers."""

import numpy as np

from tests.training.planted import planted
from training.fitting.estimators.estimator import Estimator

SCALE = 2**20  # row numbers as probabilities, without rounding


class Spy(Estimator):
    """Its model is the rows it was fitted on, by the number in their first feature; it answers with the last one."""

    name = "spy"
    parameters = {}

    def __init__(self):
        self.fitted, self.answered, self.weights = [], [], []

    def fit(self, X, y, params, *, seed, weight=None, horizon=1):
        self.fitted.append(X[:, 0].astype(int))
        self.weights.append(weight)
        return X[:, 0].max()

    def probability_up(self, model, X):
        self.answered.append(X[:, 0].astype(int))
        return np.full(len(X), model / SCALE)

    def to_onnx(self, model, width):
        raise NotImplementedError


def numbered(rows=1_000, *, horizon=1, **changes):
    """Its one feature is the number of the row, and every other row went up."""
    X = np.arange(rows, dtype=np.float32)[:, np.newaxis]
    facts = {"X": X, "y": (np.arange(rows) % 2).astype(np.int8), "feature_names": ["number"], **changes}
    return planted(rows, horizon=horizon, **facts)
