"""Rows in, a judged and exported model out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from time import perf_counter
from typing import Any

import joblib
import numpy as np

from registry.onnx_model import OnnxClassifier
from training.datasets import Dataset, as_float32
from training.drift.calibration import Calibration
from training.evaluation.archive import pack_arrays
from training.evaluation.baselines import last_returns
from training.evaluation.novelty import NoveltyDetector
from training.evaluation.report import Report, judge, plain
from training.evaluation.walk import Fold, Walk
from training.fitting.estimators import estimator_named
from training.fitting.estimators.logistic import Logistic
from training.fitting.examining import PermutationImportance
from training.fitting.learner import Learner
from training.fitting.parity import refuse_disparity
from training.fitting.search.searching import InMemory, Trials, search
from training.fitting.walk_forward import Progress, cut, silent, walk_forward
from training.labels import within_dead_zone
from training.recipe import Options, Recipe
from training.series import Floats

GOLDEN_ROWS = 32
REFERENCE_ROWS = 20_000
DEFAULTS = Options()


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a bundle is made of. Everything but `timings` is the same for the same dataset and arguments."""

    recipe: Recipe
    report: Report
    onnx: bytes
    native: bytes  # joblib
    evaluation: bytes  # npz: as_of, y_true, probability of every walk-forward row
    reference: bytes  # npz: as_of, X of the newest rows that the final fit was given, and feature_names
    golden: bytes  # npz: rows X spread over the data, and their probability by the ONNX file
    novelty: bytes  # npz: a NoveltyDetector of the rows that the final fit was given
    drift: bytes  # npz: a Calibration of the reference's rows and of the walk-forward's probabilities
    parity: float  # largest difference between ONNX and native, over all rows
    timings: dict[str, float]  # seconds


def fit_and_score(
    dataset: Dataset,
    *,
    estimator: str,
    params: Mapping[str, object],
    options: Options = DEFAULTS,
    folds: int = 8,
    seed: int = 7,
    progress: Progress = silent,
    trials: Trials | None = None,
    others: Sequence[float] = (),
) -> Fitted:
    """Judge the recipe by walk-forward, then fit it on all rows (or the newest, with a window) and export it.

    The report is of the walk-forward: the final model has seen every row, so no figure of its own would be honest. A
    search for parameters comes before it, on the rows before the first test fold. progress: told (done, total) after
    each fit, of which there are folds + 1. trials: where a search keeps its own. others: Sharpe ratios per candle of
    what else was tried for the model. Raises Unknown and Invalid for the arguments, Refused (too_few_rows, one_class,
    parity_failed) for the data and the export.
    """
    kind = estimator_named(estimator)
    given = Learner(kind, kind.checked(params), options, seed)
    cuts = cut(len(dataset), folds=folds, horizon=dataset.horizon, embargo=options.embargo, window=options.window)
    found = search(dataset, given, held=params, rows=cuts[0].train_stop, trials=trials or InMemory())
    learner, started = replace(given, params=found.params), perf_counter()
    recipe = Recipe(estimator, found.params, dataset.feature_set, folds, seed, options)
    importance = PermutationImportance(learner, dataset, seed)
    walk = walk_forward(
        dataset, learner, cuts, progress=lambda done, _: progress(done, folds + 1), examine=importance.examine
    )
    baseline = logistic_on_returns(dataset, cuts)
    walked = perf_counter()
    export = _fit_and_export(learner, dataset)
    drift = _calibration(dataset, _final_rows(dataset, options), walk)
    progress(folds + 1, folds + 1)
    report = {
        **_judged(dataset, walk, baseline, recipe, others=[*others, *found.other_ratios()]),
        **found.report(),
        "importance": plain(importance.report()),
        "parity": {"difference": export.parity, "rows": len(dataset)},
        "recipe": recipe.as_json(),
    }
    return Fitted(
        recipe=recipe,
        report=report,
        evaluation=_evaluation(dataset, walk),
        drift=drift.pack(),
        **vars(export),
        timings=_timings(started, walked, importance.seconds),
    )


def _timings(started: float, walked: float, examined: float) -> dict[str, float]:
    """Of a walk-forward within which the models were examined, and of what was done since."""
    return {
        "walk_forward": walked - started - examined,
        "importance": examined,
        "final_fit": perf_counter() - walked,
    }


def logistic_on_returns(dataset: Dataset, folds: tuple[Fold, ...]) -> Floats:
    """(rows answered,) what logistic regression on the last five returns says, walked over the very same folds.

    As plain as can be, whatever the recipe's options: its figures are to mean the same beside every model.
    """
    estimator = Logistic()
    learner = Learner(estimator, estimator.checked({}), DEFAULTS, seed=0)
    return walk_forward(replace(dataset, X=as_float32(dataset.returns)), learner, folds).probability


@dataclass(frozen=True, eq=False)
class _Export:
    """What the final fit gives to a bundle, as `Fitted` says."""

    native: bytes
    onnx: bytes
    reference: bytes
    golden: bytes
    novelty: bytes
    parity: float


def _final_rows(dataset: Dataset, options: Options) -> slice:
    """All rows, or the newest of a window: what one more fold would be fitted on."""
    return slice(max(len(dataset) - options.window, 0) if options.window else 0, len(dataset))


def _fit_and_export(learner: Learner, dataset: Dataset) -> _Export:
    """The final model; its ONNX file is held against it on every row of the dataset."""
    rows = _final_rows(dataset, learner.options)
    model = learner.fit(dataset, rows)
    onnx = learner.to_onnx(model, dataset.X.shape[1])
    classifier = OnnxClassifier.from_bytes(onnx)
    parity = refuse_disparity(learner.probability_up(model, dataset.X), classifier.probability_up(dataset.X))
    return _Export(
        native=_dumped(model),
        onnx=onnx,
        reference=_reference(dataset, rows),
        golden=_golden(dataset, classifier),
        novelty=NoveltyDetector.fit(dataset.X[rows]).pack(),
        parity=parity,
    )


def _judged(dataset: Dataset, walk: Walk, baseline: Floats, recipe: Recipe, *, others: Sequence[float]) -> Report:
    sigmas, rows = recipe.options.dead_zone, walk.answered
    outside = ~within_dead_zone(dataset.log_return[rows], dataset.sigma[rows], sigmas=sigmas) if sigmas else None
    return judge(
        walk,
        y=dataset.y,
        as_of=dataset.as_of,
        log_return=dataset.log_return,
        last_return=last_returns(dataset.closes, dataset.as_of, interval=dataset.interval),
        horizon=dataset.horizon,
        seed=recipe.seed,
        logistic=baseline,
        interval=dataset.interval,
        outside=outside,
        trials=others,
    )


def _dumped(model: Any) -> bytes:
    buffer = BytesIO()
    joblib.dump(model, buffer, compress=3)
    return buffer.getvalue()


def _evaluation(dataset: Dataset, walk: Walk) -> bytes:
    rows = walk.answered
    return pack_arrays(as_of=dataset.as_of[rows], y_true=dataset.y[rows], probability=walk.probability)


def _newest(dataset: Dataset, rows: slice) -> slice:
    """Of those rows, as many as a reference holds."""
    return slice(max(rows.start, len(dataset) - REFERENCE_ROWS), len(dataset))


def _calibration(dataset: Dataset, rows: slice, walk: Walk) -> Calibration:
    return Calibration.of(dataset.X[_newest(dataset, rows)], walk.probability, interval=dataset.interval)


def _reference(dataset: Dataset, rows: slice) -> bytes:
    newest = _newest(dataset, rows)
    return pack_arrays(as_of=dataset.as_of[newest], X=dataset.X[newest], feature_names=np.array(dataset.feature_names))


def _golden(dataset: Dataset, classifier: OnnxClassifier) -> bytes:
    """From the first row to the last, evenly: whoever loads the file can tell that it answers as it did here."""
    X = dataset.X[np.linspace(0, len(dataset) - 1, GOLDEN_ROWS).astype(np.intp)]
    return pack_arrays(X=X, probability=classifier.probability_up(X))
