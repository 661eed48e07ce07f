"""A version's figures beside what they must beat, in words for people."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """`wanted` says which way is better."""

    name: str
    value: str
    baseline: str
    wanted: str


def figures(report: dict[str, Any]) -> list[Figure]:
    """The figures that the gates look at; none where there is no walk-forward report."""
    if not report:
        return []
    metrics, constant, edge = report["metrics"], report["constant"], report["edge"]
    baseline = f"{_number(report['baseline']['accuracy'])} ({report['baseline']['name']})"
    brier, log_loss = (f"{_number(constant[name])} (base rate)" for name in ("brier", "log_loss"))
    return [
        Figure("Accuracy", _with_interval(metrics["accuracy"]), baseline, "higher is better"),
        Figure("Edge over the naive rule", _with_interval(edge, signed=True), "0", "the interval should lie above 0"),
        Figure("Brier score", _number(metrics["brier"]), brier, "lower is better"),
        Figure("Log loss", _number(metrics["log_loss"]), log_loss, "lower is better"),
        Figure("Predictions judged", f"{edge['n']:,}", "", "more is better"),
    ]


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"


def _with_interval(figure: dict[str, Any], *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    if figure["value"] is None:
        return "unknown"
    if figure["low"] is None:
        return f"{figure['value']:{sign}.3f} (no interval)"
    return f"{figure['value']:{sign}.3f} [{figure['low']:{sign}.3f}, {figure['high']:{sign}.3f}]"
