"""The estimators that a version can be trained with, by name, or by dotted path where they are a user's own."""

from cryptoml_site.errors import Unknown
from training.fitting.estimators.ensemble import Ensemble
from training.fitting.estimators.estimator import Estimator, Parameter
from training.fitting.estimators.logistic import Logistic
from training.fitting.estimators.own import Own
from training.fitting.estimators.random_forest import RandomForest
from training.fitting.estimators.xgboost import XGBoost
from training.plugins import named_by_path

ESTIMATORS: dict[str, Estimator] = {entry.name: entry for entry in (RandomForest(), XGBoost(), Logistic(), Ensemble())}
FIELD, UNKNOWN = "estimator", "unknown_estimator"


def estimator_named(name: str) -> Estimator:
    """By name, or made from the class at a dotted path. Raises Unknown, saying which there are or what is wrong."""
    if name in ESTIMATORS:
        return ESTIMATORS[name]
    if "." in name:
        return _of_a_user(name)
    raise Unknown(
        f"no estimator is called '{name}': there are {', '.join(ESTIMATORS)}, or name one of your own by its dotted "
        "path",
        code=UNKNOWN,
        field=FIELD,
    )


def _of_a_user(path: str) -> Estimator:
    found = named_by_path(path, what=FIELD, code=UNKNOWN)
    if not (isinstance(found, type) and issubclass(found, Estimator)):
        raise _refused(f"'{path}' is no estimator: make it a class below {Estimator.__module__}.Estimator")
    lacking = [name for name in ("name", "parameters") if not hasattr(found, name)]
    if lacking:
        raise _refused(f"'{path}' has no {' and no '.join(lacking)}: give the class both")
    if not (isinstance(found.parameters, dict) and all(isinstance(e, Parameter) for e in found.parameters.values())):
        raise _refused(f"'{path}' has parameters of another kind: give a dict of Parameter by name")
    try:
        return Own(found(), path)
    except TypeError as error:  # methods that it lacks, or arguments that it asks for
        raise _refused(f"'{path}' cannot be made without arguments: {error}") from error
    except Exception as error:  # its own code may raise whatever it likes
        raise _refused(f"'{path}' cannot be made: {type(error).__name__}: {error}") from error


def _refused(sentence: str) -> Unknown:
    return Unknown(sentence, code=UNKNOWN, field=FIELD)
