"""A random forest whose leaves hold enough rows for the file to stay small."""

from collections.abc import Mapping
from typing import Any, ClassVar

from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier

from training.datasets import Vectors
from training.fitting.estimators.estimator import INPUT, Estimator, Labels, Number, Parameter
from training.series import Floats

OPSET = {"": 18, "ai.onnx.ml": 3}
ALL_CORES = -1


class RandomForest(Estimator):
    """scikit-learn's. Unlimited trees on hourly candles made a file of 103 MB; leaves of 50 rows 5 MB, no worse."""

    name: ClassVar[str] = "random_forest"
    parameters: ClassVar[dict[str, Parameter]] = {
        "n_estimators": Parameter(200, low=1, high=1_000),
        "min_samples_leaf": Parameter(50, low=1, high=10_000),
        "max_depth": Parameter(32, low=1, high=32),  # leaves of 50 rows stop a tree long before
    }

    def fit(self, X: Vectors, y: Labels, params: Mapping[str, Number], *, seed: int) -> RandomForestClassifier:
        model = RandomForestClassifier(**params, random_state=seed, n_jobs=ALL_CORES)
        model.fit(X, y)  # each tree has a seed of its own, so that cores change nothing
        return model.set_params(n_jobs=1)  # answers of several threads are added up in any order: other last bits

    def probability_up(self, model: RandomForestClassifier, X: Vectors) -> Floats:
        up: Floats = model.predict_proba(X)[:, 1]
        return up

    def to_onnx(self, model: Any, width: int) -> bytes:
        exported = convert_sklearn(
            model,
            name=self.name,  # else a random one: other bytes each time
            initial_types=[(INPUT, FloatTensorType([None, width]))],
            options={"zipmap": False},
            target_opset=OPSET,
        )
        file: bytes = exported.SerializeToString()
        return file
