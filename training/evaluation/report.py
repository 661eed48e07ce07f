"""A walk-forward, judged: every figure beside its baseline and with its interval."""

from dataclasses import asdict
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.datasets import stamp
from training.evaluation.baselines import RULES
from training.evaluation.bootstrap import Interval, block_bootstrap
from training.evaluation.calibration import expected_calibration_error, reliability
from training.evaluation.metrics import Calls, accuracy, balanced_accuracy, brier, called_up, log_loss, roc_auc
from training.evaluation.roc import roc_curve
from training.evaluation.summary import summarise
from training.evaluation.trading import after_costs, equity
from training.evaluation.walk import Fold, Walk
from training.series import Floats, Seconds

Report = dict[str, Any]


def judge(
    walk: Walk,
    *,
    y: NDArray[np.int8],
    as_of: Seconds,
    log_return: Floats,
    last_return: Floats,
    horizon: int,
    seed: int,
) -> Report:
    """The report as JSON takes it (None where a figure has no meaning); its keys are those of this function.
    Earlier versions of a model have reports without some of them: who reads one copes.

    y, as_of, log_return, last_return: (m,) of all rows, the fitted ones too. "edge" is the paired interval of the
    model's accuracy minus that of the best naive rule; the rule is chosen on the very rows that it is judged on, so
    the comparison leans against the model, never towards it.
    """
    rows = walk.answered
    truth, base_rate, ahead = y[rows], walk.base_rates(y), log_return[rows]
    calls, naive = called_up(walk.probability), _naive_calls(base_rate, last_return[rows])
    hits, right = calls == truth, {rule: called == truth for rule, called in naive.items()}
    best = max(right, key=lambda rule: right[rule].mean())
    edge = block_bootstrap(hits.astype(float) - right[best], horizon=horizon, seed=seed)
    report: Report = {
        "rows": len(truth),
        "folds": [_fold_figures(walk, fold, y, as_of, right[best]) for fold in walk.folds],
        "metrics": _metrics(truth, walk.probability, block_bootstrap(hits, horizon=horizon, seed=seed)),
        "reliability": [asdict(entry) for entry in reliability(truth, walk.probability)],
        "roc": _roc(truth, walk.probability),
        "constant": {"brier": brier(truth, base_rate), "log_loss": log_loss(truth, base_rate)},
        "baselines": {rule: {"accuracy": hit.mean()} for rule, hit in right.items()},
        "baseline": {"name": best, "accuracy": right[best].mean()},
        "edge": asdict(edge),
        "trading": after_costs(calls, ahead, horizon=horizon),
        "equity": equity(calls, naive[best], ahead, as_of[rows], horizon=horizon),
    }
    report["summary"] = summarise(report, edge)
    return {key: plain(entry) for key, entry in report.items()}


def _naive_calls(base_rate: Floats, last_return: Floats) -> dict[str, Calls]:
    return {name: rule(base_rate, last_return) for name, rule in RULES.items()}


def _metrics(truth: NDArray[np.int8], probability: Floats, right: Interval) -> Report:
    return {
        "accuracy": {"value": right.value, "low": right.low, "high": right.high},
        "balanced_accuracy": balanced_accuracy(truth, called_up(probability)),
        "brier": brier(truth, probability),
        "log_loss": log_loss(truth, probability),
        "roc_auc": roc_auc(truth, probability),
        "ece": expected_calibration_error(truth, probability),
    }


def _roc(truth: NDArray[np.int8], probability: Floats) -> Report:
    false, true = roc_curve(truth, probability)
    return {"false_positive_rate": false.round(6).tolist(), "true_positive_rate": true.round(6).tolist()}


def _fold_figures(walk: Walk, fold: Fold, y: NDArray[np.int8], as_of: Seconds, naive: NDArray[np.bool_]) -> Report:
    """naive: (rows answered,) where the best naive rule of all rows was right."""
    truth, probability = y[fold.test], walk.answers(fold)
    return {
        "train": _stretch(as_of[fold.train]),
        "test": _stretch(as_of[fold.test]),
        "accuracy": accuracy(truth, called_up(probability)),
        "baseline_accuracy": walk.of_fold(fold, naive).mean(),
        "brier": brier(truth, probability),
    }


def _stretch(as_of: Seconds) -> Report:
    return {"rows": len(as_of), "start": stamp(as_of[0]), "end": stamp(as_of[-1])}


def plain(value: Any) -> Any:  # JSON has no type of its own
    """Plain Python numbers all through, None for those that are not finite.

    >>> plain({"a": np.float64("nan"), "b": [np.int64(1), np.float32(0.5)]})
    {'a': None, 'b': [1, 0.5]}
    """
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not isfinite(value) else value
