"""Logistic regression: the honest baseline, and an estimator of its own."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from training.datasets import Vectors
from training.fitting.estimators.estimator import Estimator, Labels, Number, Parameter, Span
from training.fitting.onnx_graphs import logistic_regression
from training.series import Floats


class Logistic(Estimator):
    """scikit-learn's, on features put to mean 0 and spread 1 by the rows fitted; in float64, on one core."""

    name: ClassVar[str] = "logistic"
    seeded: ClassVar[bool] = False
    parameters: ClassVar[dict[str, Parameter]] = {
        "C": Parameter(  # the smaller, the nearer to the base rate
            1.0, low=0.000001, high=1_000_000, search=Span(0.0001, 100.0, log=True)
        ),
    }

    def fit(
        self,
        X: Vectors,
        y: Labels,
        params: Mapping[str, Number],
        *,
        seed: int,
        weight: Floats | None = None,
        horizon: int = 1,
    ) -> Pipeline:
        model = make_pipeline(StandardScaler(), LogisticRegression(**params, max_iter=1_000))
        with threadpool_limits(1, user_api="blas"):  # sums of several cores could differ in their last bits
            fitted: Pipeline = model.fit(
                X.astype(np.float64),
                y,
                standardscaler__sample_weight=weight,
                logisticregression__sample_weight=weight,
            )
        return fitted

    def probability_up(self, model: Pipeline, X: Vectors) -> Floats:
        with threadpool_limits(1, user_api="blas"):
            up: Floats = model.predict_proba(X.astype(np.float64))[:, 1]
        return up

    def to_onnx(self, model: Any, width: int) -> bytes:
        scaler, regression = model.named_steps["standardscaler"], model.named_steps["logisticregression"]
        coefficients: Floats = regression.coef_[0] / scaler.scale_
        return logistic_regression(coefficients, float(regression.intercept_[0] - coefficients @ scaler.mean_))
