"""A version's report in the few lines that a terminal shows."""

from datetime import datetime
from typing import Any

from registry.figures import with_interval
from registry.models import ModelVersion


def summary(version: ModelVersion) -> str:
    """What was learnt from what, and how it stands beside doing nothing clever."""
    report = version.metrics
    metrics, edge, baseline = report["metrics"], report["edge"], report["baseline"]
    said = {
        "data": f"{_day(version.data_start)} to {_day(version.data_end)}, {_rows(report['dataset'])}",
        "search": report.get("search", {}).get("sentence"),
        "accuracy": f"{with_interval(metrics['accuracy'])} on {edge['n']:,} walk-forward predictions",
        "baseline": f"{baseline['accuracy']:.3f} by '{baseline['name']}'; edge {with_interval(edge, signed=True)}",
        "Brier": f"{metrics['brier']:.4f} against {report['constant']['brier']:.4f} of the base rate",
        "logistic": report.get("logistic", {}).get("sentence"),
        "market": _market(report.get("trading")),
    }
    made = f"{version}: {version.estimator} on {version.feature_set}, a candidate"
    return "\n".join([made, *(f"  {name:<10} {words}" for name, words in said.items() if words)])


def _rows(dataset: dict[str, Any]) -> str:
    counts = dataset["dropped"].items()
    dropped = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in counts if count)
    return f"{dataset['rows']:,} rows kept ({dropped or 'none'} dropped)"


def _market(trading: dict[str, Any] | None) -> str:
    if not trading or trading["net_bp"] is None:
        return ""
    paid = trading["cost_bp"] + trading.get("slippage_bp", 0)
    return (
        f"{trading['net_bp']:+.2f} bp per candle after costs of {paid:g} bp per unit turned over, holding "
        f"{trading['hold_bp']:+.2f} bp"
    )


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "unknown"
