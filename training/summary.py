"""A version's report in the few lines that a terminal shows."""

from datetime import datetime

from registry.models import ModelVersion


def summary(version: ModelVersion) -> str:
    """What was learnt from what, and how it stands beside doing nothing clever."""
    report = version.metrics
    accuracy, edge, baseline = report["metrics"]["accuracy"], report["edge"], report["baseline"]
    rows, counts = report["dataset"]["rows"], report["dataset"]["dropped"]
    dropped = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in counts.items() if count)
    return "\n".join(
        [
            f"{version}: {version.estimator} on {version.feature_set}, a candidate",
            f"  data       {_day(version.data_start)} to {_day(version.data_end)}, {rows:,} rows kept"
            f" ({dropped or 'none'} dropped)",
            f"  accuracy   {accuracy['value']:.3f} [{accuracy['low']:.3f}, {accuracy['high']:.3f}] on {edge['n']:,}"
            " walk-forward predictions",
            f"  baseline   {baseline['accuracy']:.3f} by '{baseline['name']}'; edge {edge['value']:+.3f}"
            f" [{edge['low']:+.3f}, {edge['high']:+.3f}]",
            f"  Brier      {report['metrics']['brier']:.4f} against {report['constant']['brier']:.4f} of the base rate",
        ]
    )


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "unknown"
