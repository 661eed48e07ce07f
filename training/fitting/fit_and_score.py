"""Rows in, a judged and exported model out."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from time import perf_counter
from typing import Any

import joblib
import numpy as np

from registry.onnx_model import OnnxClassifier
from training.datasets import Dataset
from training.evaluation.archive import pack_arrays
from training.evaluation.baselines import last_returns
from training.evaluation.report import Report, judge, plain
from training.evaluation.walk import Walk
from training.fitting.estimators import estimator_named
from training.fitting.estimators.estimator import Estimator, Number
from training.fitting.examining import PermutationImportance
from training.fitting.parity import refuse_disparity
from training.fitting.walk_forward import Progress, silent, walk_forward

GOLDEN_ROWS = 32
REFERENCE_ROWS = 20_000


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a bundle is made of. Everything but `timings` is the same for the same dataset and arguments."""

    estimator: str
    params: dict[str, Number]  # all of them, defaults too
    folds: int
    seed: int
    report: Report
    onnx: bytes
    native: bytes  # joblib
    evaluation: bytes  # npz: as_of, y_true, probability of every walk-forward row
    reference: bytes  # npz: as_of, X of the newest rows fitted, and feature_names
    golden: bytes  # npz: rows X spread over the data, and their probability by the ONNX file
    parity: float  # largest difference between ONNX and native, over all rows
    timings: dict[str, float]  # seconds


def fit_and_score(
    dataset: Dataset,
    *,
    estimator: str,
    params: Mapping[str, object],
    folds: int = 8,
    seed: int = 7,
    progress: Progress = silent,
) -> Fitted:
    """Judge the estimator by walk-forward, then fit it on all rows and export it.

    The report is of the walk-forward: the final model has seen every row, so no figure of its own would be honest.
    progress: told (done, total) after each fit, of which there are folds + 1. Raises Unknown and Invalid for the
    arguments, Refused (too_few_rows, one_class, parity_failed) for the data and the export.
    """
    kind, started = estimator_named(estimator), perf_counter()
    checked, importance = kind.checked(params), PermutationImportance(kind, dataset, seed)
    walk = walk_forward(
        dataset.X,
        dataset.y,
        estimator=kind,
        params=checked,
        horizon=dataset.horizon,
        folds=folds,
        seed=seed,
        progress=lambda done, _: progress(done, folds + 1),
        examine=importance.examine,
    )
    walked = perf_counter()
    export = _fit_and_export(kind, dataset, checked, seed=seed)
    progress(folds + 1, folds + 1)
    return Fitted(
        estimator=estimator,
        params=checked,
        folds=folds,
        seed=seed,
        report=_report(dataset, walk, importance, export, seed=seed),
        onnx=export.onnx,
        native=export.native,
        evaluation=_evaluation(dataset, walk),
        reference=_reference(dataset),
        golden=_golden(dataset, export.classifier),
        parity=export.parity,
        timings={
            "walk_forward": walked - started - importance.seconds,
            "importance": importance.seconds,
            "final_fit": perf_counter() - walked,
        },
    )


@dataclass(frozen=True, eq=False)
class _Export:
    native: bytes
    onnx: bytes
    classifier: OnnxClassifier
    parity: float


def _fit_and_export(kind: Estimator, dataset: Dataset, params: Mapping[str, Number], *, seed: int) -> _Export:
    """The final model, fitted on all rows; its ONNX file is held against it on every one of them."""
    model = kind.fit(dataset.X, dataset.y, params, seed=seed)
    onnx = kind.to_onnx(model, dataset.X.shape[1])
    classifier = OnnxClassifier.from_bytes(onnx)
    parity = refuse_disparity(kind.probability_up(model, dataset.X), classifier.probability_up(dataset.X))
    return _Export(native=_dumped(model), onnx=onnx, classifier=classifier, parity=parity)


def _report(dataset: Dataset, walk: Walk, importance: PermutationImportance, export: _Export, *, seed: int) -> Report:
    judged = judge(
        walk,
        y=dataset.y,
        as_of=dataset.as_of,
        log_return=dataset.log_return,
        last_return=last_returns(dataset.closes, dataset.as_of, interval=dataset.interval),
        horizon=dataset.horizon,
        seed=seed,
    )
    parity = {"difference": export.parity, "rows": len(dataset)}
    return {**judged, "importance": plain(importance.report()), "parity": parity}


def _dumped(model: Any) -> bytes:
    buffer = BytesIO()
    joblib.dump(model, buffer, compress=3)
    return buffer.getvalue()


def _evaluation(dataset: Dataset, walk: Walk) -> bytes:
    rows = walk.answered
    return pack_arrays(as_of=dataset.as_of[rows], y_true=dataset.y[rows], probability=walk.probability)


def _reference(dataset: Dataset) -> bytes:
    newest = slice(-REFERENCE_ROWS, None)
    return pack_arrays(as_of=dataset.as_of[newest], X=dataset.X[newest], feature_names=np.array(dataset.feature_names))


def _golden(dataset: Dataset, classifier: OnnxClassifier) -> bytes:
    """From the first row to the last, evenly: whoever loads the file can tell that it answers as it did here."""
    X = dataset.X[np.linspace(0, len(dataset) - 1, GOLDEN_ROWS).astype(np.intp)]
    return pack_arrays(X=X, probability=classifier.probability_up(X))
