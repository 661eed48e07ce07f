"""Gradient boosting in shallow trees."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from onnxmltools.convert import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from xgboost import XGBClassifier

from training.datasets import Vectors
from training.fitting.estimators.estimator import INPUT, Estimator, Labels, Number, Parameter
from training.series import Floats

OPSET = 15


class XGBoost(Estimator):
    """XGBoost's histogram method on one core: sums of gradients by several could differ in their last bits."""

    name: ClassVar[str] = "xgboost"
    parameters: ClassVar[dict[str, Parameter]] = {
        "n_estimators": Parameter(300, low=1, high=3_000),
        "max_depth": Parameter(3, low=1, high=10),
        "learning_rate": Parameter(0.02, low=0.0001, high=1),
        "subsample": Parameter(0.7, low=0.1, high=1),  # of the rows, for each tree
        "colsample_bytree": Parameter(0.7, low=0.1, high=1),  # of the features, for each tree
        "min_child_weight": Parameter(
            20.0, low=0, high=10_000
        ),  # a leaf's sum of p(1-p), a quarter of its rows at most
        "reg_lambda": Parameter(1.0, low=0, high=10_000),
    }

    def fit(self, X: Vectors, y: Labels, params: Mapping[str, Number], *, seed: int) -> XGBClassifier:
        model = XGBClassifier(
            **params, objective="binary:logistic", tree_method="hist", random_state=seed, n_jobs=1, verbosity=0
        )
        return model.fit(X, y)

    def probability_up(self, model: XGBClassifier, X: Vectors) -> Floats:
        up: Floats = model.predict_proba(X)[:, 1].astype(np.float64)
        return up

    def to_onnx(self, model: Any, width: int) -> bytes:
        exported = convert_xgboost(
            model, name=self.name, initial_types=[(INPUT, FloatTensorType([None, width]))], target_opset=OPSET
        )
        file: bytes = exported.SerializeToString()
        return file
