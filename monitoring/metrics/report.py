"""Some days, each by itself, and beside those before them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from cryptoml_site.clock import now
from monitoring.metrics.accuracy import accuracy
from monitoring.metrics.answers import Answered
from monitoring.metrics.reading import Coverage, answers_by
from monitoring.metrics.spans import Span, floor
from monitoring.metrics.summary import of_stretch

COMPARED = ("count", "requests", "request_rate", "error_rate", "server_error_rate")


def of_days(days: int) -> dict[str, Any]:
    """Today and the days before it, so many together; the trend is against as many before those.

    Today has not ended: rates compare it fairly, counts do not, so both say their seconds.
    """
    at = now()
    end = floor(at, Span.DAY) + timedelta(days=1)
    start, before = end - timedelta(days=days), end - timedelta(days=2 * days)
    current, earlier = of_stretch(start, end), of_stretch(before, start)
    return {
        "timestamp": at,
        "days": days,
        "current": current,
        "before": earlier,
        "trend": trend(current, earlier),
        "by_day": _by_day(start, end),
        "by_model": _by_model(start, end),
        "accuracy": accuracy(),
    }


def trend(current: dict[str, Any], earlier: dict[str, Any]) -> dict[str, float | None]:
    """Of each figure what it gained; null where one of the two is not known."""
    pairs = {name: (current[name], earlier[name]) for name in COMPARED}
    for part, name in (("confidence", "mean"), ("response_time_ms", "mean"), ("response_time_ms", "p99")):
        pairs[f"{part}_{name}"] = (current[part][name], earlier[part][name])
    pairs["up_share"] = (_up_share(current), _up_share(earlier))
    return {name: None if None in pair else pair[0] - pair[1] for name, pair in pairs.items()}


def _up_share(figures: dict[str, Any]) -> float | None:
    up, down = figures["prediction_distribution"]["up"], figures["prediction_distribution"]["down"]
    return up / (up + down) if up + down else None


def _by_day(start: datetime, end: datetime) -> list[dict[str, Any]]:
    counted = answers_by(["began_at"], Coverage.of(start, end))
    by_day: dict[datetime, list[Answered]] = {start + timedelta(days=n): [] for n in range((end - start).days)}
    for (began_at,), each in counted.items():
        by_day[floor(began_at, Span.DAY)].append(each)
    return [{"date": f"{day:%Y%m%d}", **_figures(Answered.total(parts))} for day, parts in by_day.items()]


def _by_model(start: datetime, end: datetime) -> list[dict[str, Any]]:
    counted = answers_by(["model", "version"], Coverage.of(start, end))
    return [
        {"model": model, "version": version, **_figures(each)} for (model, version), each in sorted(counted.items())
    ]


def _figures(each: Answered) -> dict[str, Any]:
    return {
        "count": each.answers,
        "up": each.up,
        "down": each.down,
        "abstained": each.abstained,
        "confidence_mean": each.confidence_mean,
    }
