"""Two versions of a model side by side."""

from typing import Any

from registry.figures import dig
from registry.models import ModelVersion

Figures = dict[str, Any]


def described(version: ModelVersion) -> Figures:
    """What was measured here, and apart from it what its maker claims; None is 'not measured', never zero."""
    report = version.metrics
    measured, baseline, edge = (report.get(part, {}) for part in ("metrics", "baseline", "edge"))
    accuracy, logistic = measured.get("accuracy", {}), dig(report, "logistic", "edge") or {}
    return {
        "version": version.number,
        "stage": version.stage,
        "estimator": version.estimator,
        "feature_set": version.feature_set,
        "accuracy": accuracy.get("value"),
        "accuracy_low": accuracy.get("low"),
        "accuracy_high": accuracy.get("high"),
        "baseline_accuracy": baseline.get("accuracy"),
        "edge": edge.get("value"),
        "edge_low": edge.get("low"),
        "edge_high": edge.get("high"),
        "edge_over_logistic": logistic.get("value"),
        "edge_over_logistic_low": logistic.get("low"),
        "edge_over_logistic_high": logistic.get("high"),
        "balanced_accuracy": measured.get("balanced_accuracy"),
        "roc_auc": measured.get("roc_auc"),
        "brier": measured.get("brier"),
        "log_loss": measured.get("log_loss"),
        "calibration_error": measured.get("ece"),
        "net_bp": dig(report, "trading", "net_bp"),
        "hold_bp": dig(report, "trading", "hold_bp"),
        "sharpe": dig(report, "trading", "sharpe", "value"),
        "deflated_sharpe": dig(report, "trading", "deflated_sharpe"),
        "max_drawdown": dig(report, "trading", "max_drawdown"),
        "predictions": edge.get("n"),
        "data_start": version.data_start,
        "data_end": version.data_end,
        "claimed": version.claimed,
        "tags": version.tags,
        "created_at": version.created_at,
        "created_by": version.created_by,
    }


def side_by_side(first: ModelVersion, second: ModelVersion) -> dict[str, dict[int, Any]]:
    """By figure, then by version number."""
    one, other = described(first), described(second)
    return {figure: {first.number: one[figure], second.number: other[figure]} for figure in one}


def feature_changes(first: ModelVersion, second: ModelVersion) -> dict[str, Any]:
    """What clients who send features would have to change, going from the first version to the second."""
    before, after = set(first.feature_names), set(second.feature_names)
    return {
        "same_signature": first.signature_key == second.signature_key,
        "added": sorted(after - before),
        "dropped": sorted(before - after),
    }
