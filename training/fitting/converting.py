"""A classifier that somebody else fitted: opened, looked at, and turned into ONNX."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from io import BytesIO
from math import isfinite
from typing import Any

import joblib
import numpy as np
from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import FloatTensorType
from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from sklearn.base import BaseEstimator, is_classifier
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from xgboost import XGBClassifier

from cryptoml_site.errors import Refused
from training.datasets import Vectors
from training.fitting.estimators.estimator import INPUT
from training.fitting.onnx_graphs import OPSETS
from training.series import Floats

UP_IS_SECOND = ([0, 1], [-1, 1])  # False and True are 0 and 1

update_registered_converter(  # so that one within a Pipeline is converted too
    XGBClassifier,
    "XGBoostXGBClassifier",
    calculate_linear_classifier_output_shapes,
    convert_xgboost,
    options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
)


@dataclass(frozen=True, eq=False)
class Opened:
    """A fitted classifier of up against not up."""

    classifier: Any
    fitted_with: str | None  # scikit-learn's version that wrote it, where that is another than ours

    @property
    def name(self) -> str:
        """Its type; a Pipeline's with those of its steps."""
        kind = type(self.classifier).__name__
        if not isinstance(self.classifier, Pipeline):
            return kind
        return f"{kind}({', '.join(type(step).__name__ for _, step in self.classifier.steps)})"

    @property
    def width(self) -> int | None:
        """Features that it takes; None where it does not know."""
        return getattr(self.classifier, "n_features_in_", None)

    @property
    def feature_names(self) -> list[str] | None:
        """Those of the table that it was fitted on; None where it was an array."""
        names = getattr(self.classifier, "feature_names_in_", None)
        return None if names is None else [str(name) for name in names]

    @property
    def params(self) -> dict[str, Any]:
        """What it was made with, as far as JSON can say it."""
        given = self.classifier.get_params(deep=True).items()
        return {name: value for name, value in given if _is_plain(value)}


def open_classifier(file: bytes) -> Opened:
    """Run the pickle, and look at what it holds. Raises Refused; call it for what somebody vouched for alone."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            held = joblib.load(BytesIO(file))
        except Exception as error:  # a pickle may raise whatever it likes
            raise Refused(
                f"the joblib file does not open here: {type(error).__name__}: {_first_line(error)}",
                code="unreadable_model",
            ) from error
    refuse_unless_classifier(held)
    versions = [w.message.original_sklearn_version for w in said if isinstance(w.message, InconsistentVersionWarning)]
    return Opened(held, fitted_with=next(iter(versions), None))


def refuse_unless_classifier(held: Any) -> None:
    kind = type(held).__name__
    if isinstance(held, dict):
        parts = ", ".join(map(str, held))
        raise _refused(f"a dict ({parts}), not a model: put its parts into one scikit-learn Pipeline and dump that")
    if not isinstance(held, BaseEstimator) or not is_classifier(held):
        raise _refused(f"a {kind}, not a classifier of scikit-learn or XGBoost")
    if not hasattr(held, "predict_proba"):
        raise _refused(f"a {kind} that gives no probabilities")
    try:
        check_is_fitted(held)
    except NotFittedError as error:
        raise _refused(f"a {kind} that was never fitted") from error
    classes = np.asarray(held.classes_).tolist()
    if classes not in UP_IS_SECOND:
        raise _refused(f"a {kind} of the classes {', '.join(map(repr, classes))}: 0 (not up) and 1 (up) are needed")


def probability_up(classifier: Any, X: Vectors) -> Floats:
    """(m,) as the native model says."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")  # in the same order, checked
        up: Floats = np.asarray(classifier.predict_proba(X), np.float64)[:, 1]
    return up


def to_onnx(opened: Opened, width: int) -> bytes:
    """Raises Refused, naming the type that has no converter."""
    with _conversion(opened):
        exported = convert_sklearn(
            _without_names(opened.classifier),
            name="imported",  # else a random one: other bytes each time
            initial_types=[(INPUT, FloatTensorType([None, width]))],
            options={"zipmap": False},
            target_opset=OPSETS,
        )
        file: bytes = exported.SerializeToString()
    return file


@contextmanager
def _conversion(opened: Opened) -> Iterator[None]:
    try:
        yield
    except (MissingConverter, MissingShapeCalculator) as error:
        raise Refused(
            f"there is no ONNX converter for {opened.name}: {_first_line(error)}", code="unknown_estimator"
        ) from error
    except Exception as error:  # each converter has errors of its own
        raise Refused(
            f"{opened.name} does not convert to ONNX: {type(error).__name__}: {_first_line(error)}",
            code="not_convertible",
        ) from error


def _without_names(classifier: Any) -> Any:
    """XGBoost's converter refuses a booster whose features have names of their own; a copy without them."""
    copied = deepcopy(classifier)
    for step in [copied, *(step for _, step in getattr(copied, "steps", []))]:
        if isinstance(step, XGBClassifier):
            step.get_booster().feature_names = None
    return copied


def _refused(what: str) -> Refused:
    return Refused(f"the file holds {what}", code="not_a_classifier", field="file")


def _is_plain(value: object) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    return value is None or isinstance(value, int | str)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:300]
