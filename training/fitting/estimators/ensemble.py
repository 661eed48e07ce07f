"""A forest, boosted trees and logistic regression, asked together."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from training.datasets import Vectors
from training.fitting.estimators.estimator import Estimator, Labels, Number, Parameter
from training.fitting.estimators.logistic import Logistic
from training.fitting.estimators.random_forest import RandomForest
from training.fitting.estimators.xgboost import XGBoost
from training.fitting.onnx_graphs import soft_vote
from training.series import Floats

MEMBERS: dict[str, Estimator] = {member.name: member for member in (RandomForest(), XGBoost(), Logistic())}


class Ensemble(Estimator):
    """Soft vote: the mean of the members' probabilities. Its parameters are theirs, as `xgboost__max_depth`."""

    name: ClassVar[str] = "ensemble"
    parameters: ClassVar[dict[str, Parameter]] = {
        f"{name}__{key}": parameter for name, member in MEMBERS.items() for key, parameter in member.parameters.items()
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
    ) -> dict[str, Any]:
        return {
            name: member.fit(X, y, _of(name, params), seed=seed, weight=weight, horizon=horizon)
            for name, member in MEMBERS.items()
        }

    def probability_up(self, model: dict[str, Any], X: Vectors) -> Floats:
        up: Floats = np.mean([MEMBERS[name].probability_up(fitted, X) for name, fitted in model.items()], axis=0)
        return up

    def to_onnx(self, model: dict[str, Any], width: int) -> bytes:
        return soft_vote({name: MEMBERS[name].to_onnx(fitted, width) for name, fitted in model.items()})


def _of(name: str, params: Mapping[str, Number]) -> dict[str, Number]:
    prefix = f"{name}__"
    return {key.removeprefix(prefix): value for key, value in params.items() if key.startswith(prefix)}
