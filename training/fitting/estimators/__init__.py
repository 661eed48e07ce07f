"""The estimators that a version can be trained with, by name."""

from cryptoml_site.errors import Unknown
from training.fitting.estimators.estimator import Estimator
from training.fitting.estimators.random_forest import RandomForest
from training.fitting.estimators.xgboost import XGBoost

ESTIMATORS: dict[str, Estimator] = {entry.name: entry for entry in (RandomForest(), XGBoost())}


def estimator_named(name: str) -> Estimator:
    """Raises Unknown, naming those that exist."""
    if name not in ESTIMATORS:
        raise Unknown(
            f"no estimator is called '{name}': there are {', '.join(ESTIMATORS)}",
            code="unknown_estimator",
            field="estimator",
        )
    return ESTIMATORS[name]
