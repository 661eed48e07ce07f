"""The figures of a window, a day or a report: empty is null, never 0 %."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from cryptoml_site.clock import now
from monitoring.metrics.accuracy import accuracy
from monitoring.metrics.answers import Answered
from monitoring.metrics.reading import ALL, ASKED_ROUTES, Choice, Coverage, answers_by, responses_by
from monitoring.metrics.responses import Responses
from monitoring.metrics.spans import Span, floor, following
from monitoring.metrics.system import system
from predictions.histograms import quantile
from predictions.response_times import TASK

QUANTILES = (0.5, 0.9, 0.95, 0.99)


def of_window(length: timedelta, choice: Choice = ALL) -> dict[str, Any]:
    """What GET /metrics answers: the newest such stretch, as it is now."""
    at = now()
    return {
        "timestamp": at,
        "model": choice.model,
        "version": choice.version,
        **of_stretch(at - length, following(floor(at, Span.MINUTE), Span.MINUTE), choice),
        "accuracy": accuracy(choice),
        "system": system(),
    }


def of_stretch(start: datetime, end: datetime, choice: Choice = ALL) -> dict[str, Any]:
    """Counted by whole minutes: from the one that holds start."""
    coverage = Coverage.of(start, end)
    seconds = (min(end, now()) - coverage.stretch.start).total_seconds()
    by_role = {role: each for (role,), each in answers_by(["role"], coverage, choice).items()}
    return {
        "window": _window(coverage, end, seconds),
        **_answered(Answered.total(by_role.values())),
        "by_role": {role: each.answers for role, each in sorted(by_role.items())},
        **_responded(coverage, choice, seconds),
        "task_failures": task_failures(coverage) if choice == ALL else None,
    }


def task_failures(coverage: Coverage) -> dict[str, int]:
    """By the task's name."""
    found = responses_by(["route"], coverage, Q(method=TASK))
    return {task: each.responses for (task,), each in sorted(found.items())}


def _window(coverage: Coverage, end: datetime, seconds: float) -> dict[str, Any]:
    gap = coverage.gap and {
        "from": coverage.gap.start,
        "to": coverage.gap.end,
        "why": "no worker has counted these minutes yet: look whether beat and a worker of the queue 'data' run",
    }
    return {"from": coverage.stretch.start, "to": min(end, now()), "seconds": round(seconds, 3), "not_counted": gap}


def _answered(total: Answered) -> dict[str, Any]:
    return {
        "count": total.answers,
        "prediction_distribution": {"up": total.up, "down": total.down},
        "abstained": total.abstained,
        "confidence": {"mean": total.confidence_mean, "std": total.confidence_std},
    }


def _responded(coverage: Coverage, choice: Choice, seconds: float) -> dict[str, Any]:
    """Of the requests for answers; a refused one bears no model, so of a model's own only the answered are known."""
    wanted = Q(route__in=ASKED_ROUTES, **choice.as_filter())
    found = responses_by(["status_class", "code"], coverage, wanted)
    requests, failed = _requests(found, least=1), _requests(found, least=4)
    told = choice == ALL and requests
    return {
        "requests": requests,
        "request_rate": requests / seconds if seconds > 0 else None,
        "error_rate": failed / requests if told else None,
        "server_error_rate": _requests(found, least=5) / requests if told else None,
        "errors": {code or "unknown": each.responses for (status, code), each in sorted(found.items()) if status >= 4}
        if choice == ALL
        else None,
        "response_time_ms": _times([each for (status, _), each in found.items() if status < 4]),
    }


def _requests(found: dict[tuple[Any, ...], Responses], *, least: int) -> int:
    return sum(each.responses for (status, _), each in found.items() if status >= least)


def _times(many: list[Responses]) -> dict[str, float | None]:
    """Of those that were answered. Quantiles are within 1 % of the true ones."""
    total = Responses()
    for each in many:
        total.add(each.responses, each.seconds_total, b"".join(each.histograms))
    buckets = total.buckets
    mean = 1_000 * total.seconds_total / total.responses if total.responses else None
    return {"mean": mean} | {f"p{round(100 * q)}": _milliseconds(quantile(buckets, q)) for q in QUANTILES}


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1_000 * seconds
