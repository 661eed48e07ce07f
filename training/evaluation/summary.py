"""The report in one sentence."""

from math import isnan
from typing import Any

from training.evaluation.bootstrap import Interval


def summarise(report: dict[str, Any], edge: Interval) -> str:
    """For people: how often right, against which naive rule, and whether the difference is more than luck."""
    right, baseline = report["metrics"]["accuracy"], report["baseline"]
    better = "better" if report["metrics"]["brier"] < report["constant"]["brier"] else "no better"
    return (
        f"Right in {right['value']:.1%} of {report['rows']:,} forecasts, the best naive rule ({baseline['name']}) in "
        f"{baseline['accuracy']:.1%}: {verdict(edge)}. Its probabilities are {better} than the constant base rate."
        f"{_beside_logistic(report)}"
    )


def verdict(edge: Interval) -> str:
    """What a difference of accuracies and its interval allow to say.

    >>> verdict(Interval(value=0.02, low=0.01, high=0.03, n=1_000, block=10))
    'an edge of +2.0 points (95 %: +1.0 to +3.0)'
    """
    if isnan(edge.low):
        return "too few forecasts to tell the two apart"
    found = "an edge of" if edge.above_zero else "it is worse, by" if edge.below_zero else "no edge is shown,"
    return f"{found} {edge.value * 100:+.1f} points (95 %: {edge.low * 100:+.1f} to {edge.high * 100:+.1f})"


def _beside_logistic(report: dict[str, Any]) -> str:
    return f" {report['logistic']['sentence']}" if "logistic" in report else ""
