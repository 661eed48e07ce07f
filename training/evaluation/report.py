"""A walk-forward, judged: every figure beside its baseline and with its interval."""

from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.datasets import stamp
from training.evaluation.account import curve, deflated, trading
from training.evaluation.answered import Answered
from training.evaluation.beside import beside_logistic, outside_dead_zone
from training.evaluation.bootstrap import Draws, Interval
from training.evaluation.calibration import reliability
from training.evaluation.confidence import coverage, hit_rates
from training.evaluation.figures import figures
from training.evaluation.metrics import accuracy, brier, called_up, log_loss
from training.evaluation.roc import roc_curve
from training.evaluation.summary import summarise
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
    logistic: Floats | None = None,
    interval: int | None = None,
    outside: NDArray[np.bool_] | None = None,
    trials: Sequence[float] | None = None,
) -> Report:
    """The report as JSON takes it (None where a figure has no meaning); its keys are those of this function, and
    docs/reports.md says what each means. Earlier versions have reports without some of them: who reads one copes.

    y, as_of, log_return, last_return: (m,) of all rows, the fitted ones too. Of the rows answered, (n,): logistic, the
    probabilities of logistic regression on the last returns from the same folds; outside, where the return left the
    dead zone. interval: seconds of a candle, to annualise by. trials: Sharpe ratios per candle of all other trials
    made for this model. "edge" is the paired interval of the model's accuracy minus that of the best naive rule; the
    rule is chosen on the very rows that it is judged on, so the comparison leans against the model, never towards it.
    """
    draws = Draws(len(walk.probability), horizon=horizon, seed=seed)
    answered = _answered(walk, draws, y=y, as_of=as_of, log_return=log_return, last_return=last_return)
    best = answered.naive_hits[answered.best_rule]
    edge = answered.draws.mean(answered.hits.astype(np.float64) - best)
    report = {
        "rows": len(answered),
        "folds": [_fold_figures(walk, fold, y, as_of, best) for fold in walk.folds],
        **_classified(answered),
        "edge": asdict(edge),
        "trading": trading(answered, interval=interval),
        "equity": curve(answered),
    }
    if logistic is not None:
        report["logistic"] = beside_logistic(answered, logistic)
    if outside is not None:
        report["outside_dead_zone"] = outside_dead_zone(answered, outside)
    if trials is not None:
        report["trials"] = deflated(answered, trials, interval=interval)
        report["trading"]["deflated_sharpe"] = report["trials"]["deflated_sharpe"]
    return {key: plain(entry) for key, entry in {**report, "summary": summarise(report, edge)}.items()}


def _answered(
    walk: Walk, draws: Draws, *, y: NDArray[np.int8], as_of: Seconds, log_return: Floats, last_return: Floats
) -> Answered:
    rows = walk.answered
    return Answered(
        truth=y[rows],
        probability=walk.probability,
        base_rate=walk.base_rates(y),
        last_return=last_return[rows],
        log_return=log_return[rows],
        as_of=as_of[rows],
        draws=draws,
    )


def _classified(answered: Answered) -> Report:
    """How right it was, beside the constant and the naive rules."""
    truth, probability, base_rate = answered.truth, answered.probability, answered.base_rate
    measured, right = figures(truth, probability, answered.draws), answered.naive_hits
    return {
        "metrics": _metrics(measured),
        "intervals": {name: interval.bounds for name, interval in measured.items()},
        "reliability": [asdict(entry) for entry in reliability(truth, probability)],
        "confidence": hit_rates(truth, probability, answered.draws),
        "coverage": coverage(truth, probability, answered.draws),
        "roc": _roc(truth, probability),
        "constant": {"brier": brier(truth, base_rate), "log_loss": log_loss(truth, base_rate)},
        "baselines": {rule: {"accuracy": hits.mean()} for rule, hits in right.items()},
        "baseline": {"name": answered.best_rule, "accuracy": right[answered.best_rule].mean()},
    }


def _metrics(measured: dict[str, Interval]) -> Report:
    """As reports had them before each figure had an interval: gates and lists of versions read them here."""
    values = {name: interval.value for name, interval in measured.items()}
    return {**values, "accuracy": measured["accuracy"].bounds}


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
