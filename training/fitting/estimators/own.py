"""An estimator of a user's own: what goes wrong in its methods, or comes out of them, is refused by its name."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from training.datasets import Vectors
from training.fitting.estimators.estimator import Estimator, Labels, Number, probabilities
from training.plugins import PluginFailed, failing_as
from training.series import Floats


class Own(Estimator):
    """Does what the user's does. Every method raises Refused as `failing_as` says, naming path and method."""

    def __init__(self, own: Estimator, path: str) -> None:
        self.own = own
        vars(self).update(name=path, parameters=own.parameters, seeded=own.seeded)

    def fit(
        self,
        X: Vectors,
        y: Labels,
        params: Mapping[str, Number],
        *,
        seed: int,
        weight: Floats | None = None,
        horizon: int = 1,
    ) -> Any:
        with failing_as(f"{self.name}.fit"):
            return self.own.fit(X, y, params, seed=seed, weight=weight, horizon=horizon)

    def probability_up(self, model: Any, X: Vectors) -> Floats:
        method = f"{self.name}.probability_up"
        with failing_as(method):
            answers = np.asarray(self.own.probability_up(model, X))
        return probabilities(answers, rows=len(X), of=method)

    def to_onnx(self, model: Any, width: int) -> bytes:
        with failing_as(f"{self.name}.to_onnx"):
            file = self.own.to_onnx(model, width)
        if not isinstance(file, bytes):
            raise PluginFailed(f"{self.name}.to_onnx gave a {type(file).__name__}: give the file's bytes")
        return file

    def checked(self, params: Mapping[str, object]) -> dict[str, Number]:
        with failing_as(f"{self.name}.checked"):
            return self.own.checked(params)
