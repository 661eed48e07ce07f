"""The same answers looked at beside a simpler model, and where the market moved enough to matter."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.answered import Answered
from training.evaluation.bootstrap import Interval
from training.evaluation.metrics import accuracy, brier, called_up, log_loss
from training.evaluation.pairing import Difference, Paired
from training.series import Floats

LOGISTIC = "logistic regression on the last returns"


def beside_logistic(answered: Answered, probability: Floats) -> dict[str, Any]:
    """The model beside logistic regression on the last five returns, fitted and asked in the very same folds.

    probability: (n,) that regression's, of up. `edge` and `brier_edge` are paired, the model's lead over it.
    """
    paired = Paired.of(answered.truth, answered.probability, probability)
    lead = Difference(answered.draws.mean(paired.more_right), answered.draws.mean(paired.less_off))
    calls = called_up(probability)
    return {
        "accuracy": answered.draws.mean(calls == answered.truth).bounds,
        "brier": brier(answered.truth, probability),
        "log_loss": log_loss(answered.truth, probability),
        "edge": lead.accuracy.bounds,
        "brier_edge": lead.brier.bounds,
        "does_as_well": does_as_well(lead),
        "sentence": _sentence(lead, accuracy(answered.truth, calls)),
    }


def does_as_well(lead: Difference) -> bool | None:
    """Whether the simpler model may stand in: neither calls nor probabilities are shown to be better than its own.

    None where the rows are too few to tell.
    """
    if np.isnan(lead.accuracy.low):
        return None
    return not (lead.accuracy.above_zero or lead.brier.above_zero)


def outside_dead_zone(answered: Answered, outside: NDArray[np.bool_]) -> dict[str, Any]:
    """Figures of the rows whose return was large enough to teach. outside: (n,).

    Which rows those are is known only afterwards, so that nobody can answer them alone: a figure to understand a model
    by, none to expect.
    """
    draws, best = answered.draws, answered.naive_hits[answered.best_rule]
    errors = (answered.probability - answered.truth) ** 2
    return {
        "rows": int(outside.sum()),
        "share": draws.mean(outside).bounds,
        "accuracy": draws.share(answered.hits, outside).bounds,
        "baseline": {"name": answered.best_rule, "accuracy": draws.share(best, outside).value},
        "edge": draws.share(answered.hits.astype(np.float64) - best, outside).bounds,
        "brier": draws.share(errors, outside).bounds,
    }


def _sentence(lead: Difference, right: float) -> str:
    said, well = f"{LOGISTIC} ({right:.1%} right)", does_as_well(lead)
    if well is None:
        return f"Too few forecasts to tell it from {said}."
    if lead.accuracy.above_zero:
        return f"It is right more often than {said}, by {_points(lead.accuracy)}."
    if not well:
        return f"Its calls are no better than those of {said}; its probabilities are."
    how = "is right more often" if lead.accuracy.below_zero else "does as well"
    return f"{said[0].upper()}{said[1:]} {how}: use that, it is simpler."


def _points(interval: Interval) -> str:
    low, high = interval.low * 100, interval.high * 100
    return f"{interval.value * 100:.1f} points (95 %: {low:+.1f} to {high:+.1f})"
