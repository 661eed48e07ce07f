"""Walk-forward reports as training makes them, whole, and as older releases left them."""

from functools import cache

import numpy as np

from tests.training.planted import HOUR, planted
from training.evaluation.baselines import last_returns
from training.evaluation.report import judge
from training.evaluation.walk import Fold, Walk

FOLDS = (Fold(0, 400, 401, 1_200), Fold(0, 1_199, 1_200, 2_000))
OLD = {
    "intervals",
    "confidence",
    "coverage",
    "logistic",
    "outside_dead_zone",
    "trials",
    "overfitting",
    "search",
    "recipe",
}


@cache
def whole_report():
    """With every part that there is; of a model that knows a little."""
    data = planted(2_000, signal=0.2)
    knowing = 1 / (1 + np.exp(-0.4 * data.X[401:, 0].astype(np.float64)))
    judged = judge(
        Walk(folds=FOLDS, probability=knowing),
        y=data.y,
        as_of=data.as_of,
        log_return=data.log_return,
        last_return=last_returns(data.closes, data.as_of, interval=HOUR),
        horizon=1,
        seed=7,
        logistic=np.full(1_599, 0.5),
        interval=HOUR,
        outside=np.abs(data.log_return[401:]) > 0.005,
        trials=[0.01, -0.02],
    )
    spread = {"mean": 0.01, "std": 0.002}
    return {
        **judged,
        "importance": {"rows": 100, "features": [{"name": "close", "accuracy": spread, "log_loss": spread}]},
        "overfitting": {"probability": 0.25, "trials": 12},
        "search": {
            "sentence": "None of 12 trials had a lower log loss than the parameters as given.",
            "tried": {"all": 12, "complete": 9, "pruned": 3, "failed": 0},
            "leaders": [{"number": 0, "params": {"max_depth": 3}, "log_loss": 0.6931, "sharpe": -0.01}],
        },
        "dataset": {"rows": 2_000, "dropped": {"warm_up": 30, "hole": 0, "suspect": 4}},
        "recipe": {"estimator": "xgboost", "folds": 2, "seed": 7, "options": {"embargo": 24}},
    }


def old_report():
    """As versions in people's databases have it from before these parts."""
    report = {key: part for key, part in whole_report().items() if key not in OLD}
    kept = ("cost_bp", "turnover", "gross_bp", "net_bp", "hold_bp")
    report["trading"] = {key: report["trading"][key] for key in kept}
    report["equity"] = {key: curve for key, curve in report["equity"].items() if key != "drawdown"}
    return report
