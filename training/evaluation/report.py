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
from training.evaluation.metrics import accuracy, balanced_accuracy, brier, called_up, log_loss, roc_auc
from training.evaluation.summary import summarise
from training.evaluation.trading import after_costs
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

    y, as_of, log_return, last_return: (m,) of all rows, the fitted ones too. "edge" is the paired interval of the
    model's accuracy minus that of the best naive rule; the rule is chosen on the very rows that it is judged on, so
    the comparison leans against the model, never towards it.
    """
    truth, base_rate = y[walk.answered], walk.base_rates(y)
    hits = called_up(walk.probability) == truth
    naive = _naive_hits(truth, base_rate, last_return[walk.answered])
    best = max(naive, key=lambda rule: naive[rule].mean())
    edge = block_bootstrap(hits.astype(float) - naive[best], horizon=horizon, seed=seed)
    report: Report = {
        "rows": len(truth),
        "folds": [_fold_figures(walk, fold, y, as_of) for fold in walk.folds],
        "metrics": _metrics(truth, walk.probability, block_bootstrap(hits, horizon=horizon, seed=seed)),
        "reliability": [asdict(entry) for entry in reliability(truth, walk.probability)],
        "constant": {"brier": brier(truth, base_rate), "log_loss": log_loss(truth, base_rate)},
        "baselines": {rule: {"accuracy": right.mean()} for rule, right in naive.items()},
        "baseline": {"name": best, "accuracy": naive[best].mean()},
        "edge": asdict(edge),
        "trading": after_costs(called_up(walk.probability), log_return[walk.answered], horizon=horizon),
    }
    report["summary"] = summarise(report, edge)
    return {key: plain(entry) for key, entry in report.items()}


def _naive_hits(truth: NDArray[np.int8], base_rate: Floats, last_return: Floats) -> dict[str, NDArray[np.bool_]]:
    return {name: rule(base_rate, last_return) == truth for name, rule in RULES.items()}


def _metrics(truth: NDArray[np.int8], probability: Floats, right: Interval) -> Report:
    return {
        "accuracy": {"value": right.value, "low": right.low, "high": right.high},
        "balanced_accuracy": balanced_accuracy(truth, called_up(probability)),
        "brier": brier(truth, probability),
        "log_loss": log_loss(truth, probability),
        "roc_auc": roc_auc(truth, probability),
        "ece": expected_calibration_error(truth, probability),
    }


def _fold_figures(walk: Walk, fold: Fold, y: NDArray[np.int8], as_of: Seconds) -> Report:
    truth, probability = y[fold.test], walk.answers(fold)
    return {
        "train": _stretch(as_of[fold.train]),
        "test": _stretch(as_of[fold.test]),
        "accuracy": accuracy(truth, called_up(probability)),
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
