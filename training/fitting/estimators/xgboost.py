"""Gradient boosting in shallow trees."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from xgboost import XGBClassifier

from training.datasets import Vectors
from training.fitting.estimators.estimator import Estimator, Labels, Number, Parameter, Span
from training.fitting.onnx_graphs import boosted_trees
from training.fitting.slices import newest_fifth, refuse_one_class
from training.series import Floats


class XGBoost(Estimator):
    """XGBoost's histogram method on one core: sums of gradients by several could differ in their last bits."""

    name: ClassVar[str] = "xgboost"
    parameters: ClassVar[dict[str, Parameter]] = {
        "n_estimators": Parameter(300, low=1, high=3_000, search=Span(50, 600, log=True)),
        "max_depth": Parameter(3, low=1, high=10, search=Span(1, 6)),
        "learning_rate": Parameter(0.02, low=0.0001, high=1, search=Span(0.003, 0.1, log=True)),
        "subsample": Parameter(0.7, low=0.1, high=1, search=Span(0.3, 1.0)),  # of the rows, for each tree
        "colsample_bytree": Parameter(0.7, low=0.1, high=1, search=Span(0.3, 1.0)),  # of the features, for each tree
        "min_child_weight": Parameter(  # a leaf's sum of p(1-p), a quarter of its rows at most
            20.0, low=0, high=10_000, search=Span(1.0, 200.0, log=True)
        ),
        "reg_lambda": Parameter(1.0, low=0, high=10_000, search=Span(0.1, 100.0, log=True)),
        "early_stopping_rounds": Parameter(0, low=0, high=1_000),  # without a better log loss; 0: all rounds
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
    ) -> XGBClassifier:
        chosen = dict(params)
        if chosen.pop("early_stopping_rounds"):
            chosen["n_estimators"] = _rounds(X, y, params, seed=seed, weight=weight, horizon=horizon)
        return _classifier(chosen, seed=seed).fit(X, y, sample_weight=weight)

    def probability_up(self, model: XGBClassifier, X: Vectors) -> Floats:
        up: Floats = model.predict_proba(X)[:, 1].astype(np.float64)
        return up

    def to_onnx(self, model: Any, width: int) -> bytes:
        return boosted_trees(model, width=width, name=self.name)


def _rounds(
    X: Vectors, y: Labels, params: Mapping[str, Number], *, seed: int, weight: Floats | None, horizon: int
) -> int:
    """How many are best for the newest fifth of the rows, when the older ones are fitted; then all rows are."""
    older, newest = newest_fifth(len(y), horizon=horizon)
    refuse_one_class(y[older], "the rows that early stopping is fitted on")
    counted = {"sample_weight": weight[older], "sample_weight_eval_set": [weight[newest]]} if weight is not None else {}
    trial = _classifier(params, seed=seed, eval_metric="logloss")
    trial.fit(X[older], y[older], eval_set=[(X[newest], y[newest])], verbose=False, **counted)
    return int(trial.best_iteration) + 1


def _classifier(params: Mapping[str, Number], *, seed: int, **more: str) -> XGBClassifier:
    return XGBClassifier(
        **params, **more, objective="binary:logistic", tree_method="hist", random_state=seed, n_jobs=1, verbosity=0
    )
