"""Probabilities through a sigmoid that was fitted on rows which the model has not seen.

Isotonic regression stays out: its steps moved the ONNX file's answers by up to 0.029 from the native model's.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from training.datasets import Vectors
from training.fitting.estimators.estimator import Estimator, Labels
from training.fitting.onnx_graphs import with_sigmoid
from training.series import Floats

NARROWEST = 1e-9  # spread of answers that say the same to every row


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A native model, and the sigmoid of its probability p of up: 1 / (1 + exp(-(slope * p + intercept)))."""

    model: Any
    slope: float
    intercept: float


def calibrated(estimator: Estimator, model: Any, X: Vectors, y: Labels, *, weight: Floats | None) -> Calibrated:
    """X, y, weight: rows that the model was not fitted on, both classes among them."""
    slope, intercept = fit_sigmoid(estimator.probability_up(model, X), y, weight=weight)
    return Calibrated(model, slope=slope, intercept=intercept)


def fit_sigmoid(probability: Floats, y: Labels, *, weight: Floats | None = None) -> tuple[float, float]:
    """Slope and intercept by Platt's method: 'Probabilistic outputs for support vector machines' (1999).

    Its targets lie a little within 0 and 1, (n + 1) / (n + 2) of n ups, so that no set of rows asks for certainty: a
    row counts as an up by that share, and as a down by the rest. The slope is never below 0: a sigmoid that falls would
    turn the model's calls round on the word of a few rows; then all get the share of ups.
    """
    up = np.asarray(y) == 1
    weight = np.ones(len(up)) if weight is None else weight
    ups, downs = weight[up].sum(), weight[~up].sum()
    target = np.where(up, (ups + 1) / (ups + 2), 1 / (downs + 2))
    share = float(weight @ target / weight.sum())
    middle = float(np.average(probability, weights=weight))
    spread = float(np.sqrt(np.average((probability - middle) ** 2, weights=weight)))
    if spread < NARROWEST:
        return 0.0, float(logit(share))
    standard = (probability - middle) / spread  # a narrow spread asks for steps that never converge
    fitted = LogisticRegression(C=np.inf, solver="newton-cholesky").fit(
        np.concatenate([standard, standard])[:, np.newaxis],
        np.repeat([1, 0], len(up)),
        sample_weight=np.concatenate([weight * target, weight * (1 - target)]),
    )
    slope = float(fitted.coef_[0, 0]) / spread
    if slope <= 0:
        return 0.0, float(logit(share))
    return slope, float(fitted.intercept_[0]) - slope * middle


def probability_up(estimator: Estimator, model: Any, X: Vectors) -> Floats:
    """(m,) of a model that may be calibrated."""
    if not isinstance(model, Calibrated):
        return estimator.probability_up(model, X)
    up: Floats = expit(model.slope * estimator.probability_up(model.model, X) + model.intercept)
    return up


def to_onnx(estimator: Estimator, model: Any, width: int) -> bytes:
    """The file of a model that may be calibrated."""
    if not isinstance(model, Calibrated):
        return estimator.to_onnx(model, width)
    return with_sigmoid(estimator.to_onnx(model.model, width), slope=model.slope, intercept=model.intercept)
