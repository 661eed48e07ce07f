"""A random forest whose leaves hold enough rows for the file to stay small."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from xgboost import XGBRFClassifier

from training.datasets import Vectors
from training.fitting.estimators.estimator import Estimator, Labels, Number, Parameter, Span
from training.fitting.onnx_graphs import boosted_trees
from training.series import Floats

ROWS_A_TREE_SEES = 0.632  # drawn without putting back: as many as are different in a draw of all with putting back


class RandomForest(Estimator):
    """XGBoost's own: trees side by side in one round of boosting, on one core.

    Against scikit-learn's on the real candles here it was right as often, its probabilities were a little better, its
    file was half as large, and it was fitted in an eighth of the time (docs/estimators.md has the figures). Leaves of
    50 rows: unlimited trees on hourly candles made a file of 103 MB, and were no better.
    """

    name: ClassVar[str] = "random_forest"
    parameters: ClassVar[dict[str, Parameter]] = {
        "n_estimators": Parameter(200, low=1, high=1_000),
        "min_samples_leaf": Parameter(50, low=1, high=10_000, search=Span(10, 500, log=True)),
        "max_depth": Parameter(10, low=1, high=32, search=Span(2, 12)),
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
    ) -> XGBRFClassifier:
        share = float(np.average(y, weights=weight))  # of ups: where every tree starts from
        model = XGBRFClassifier(
            n_estimators=params["n_estimators"],
            max_depth=params["max_depth"],
            min_child_weight=params["min_samples_leaf"] * share * (1 - share),  # what so many rows weigh there
            subsample=ROWS_A_TREE_SEES,
            colsample_bynode=X.shape[1] ** -0.5,
            reg_lambda=0.0,
            base_score=share,
            tree_method="hist",
            random_state=seed,
            n_jobs=1,
            verbosity=0,
        )
        return model.fit(X, y, sample_weight=weight)

    def probability_up(self, model: XGBRFClassifier, X: Vectors) -> Floats:
        up: Floats = model.predict_proba(X)[:, 1].astype(np.float64)
        return up

    def to_onnx(self, model: Any, width: int) -> bytes:
        return boosted_trees(model, width=width, name=self.name)
