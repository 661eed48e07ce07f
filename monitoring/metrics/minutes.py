"""The newest hour, minute by minute: what GET /metrics counts, for who watches it come in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from monitoring.metrics.answers import Answered
from monitoring.metrics.reading import ASKED_ROUTES, Coverage, answers_by, responses_by
from monitoring.metrics.responses import Responses
from monitoring.metrics.spans import Span, Stretch, floor, following
from predictions.histograms import quantile

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Minute:
    """seconds: how much of it has passed. buckets: of the requests that were answered."""

    began_at: datetime
    seconds: float
    answered: Answered
    requests: int
    errors: Counter[str]
    buckets: dict[int, int]

    @property
    def request_rate(self) -> float | None:
        return self.requests / self.seconds if self.seconds else None

    @property
    def failure_rate(self) -> float | None:
        return self.errors.total() / self.seconds if self.seconds else None

    def milliseconds(self, q: float) -> float | None:
        """The quantile q of the response times; None where nothing was answered."""
        seconds = quantile(self.buckets, q)
        return None if seconds is None else 1_000 * seconds


@dataclass(frozen=True)
class Hour:
    """Oldest minute first; gap: what no worker has counted."""

    minutes: Sequence[Minute]
    gap: Stretch | None

    @property
    def whole(self) -> Minute:
        """All of its minutes in one."""
        return Minute(
            self.minutes[0].began_at,
            sum(minute.seconds for minute in self.minutes),
            Answered.total(minute.answered for minute in self.minutes),
            sum(minute.requests for minute in self.minutes),
            sum((minute.errors for minute in self.minutes), Counter()),
            _merged(minute.buckets for minute in self.minutes),
        )

    @property
    def failed_share(self) -> float | None:
        """Of the requests for answers, those that were refused or failed; None where there were none."""
        whole = self.whole
        return whole.errors.total() / whole.requests if whole.requests else None


def newest_hour(at: datetime) -> Hour:
    """The running minute and the sixty before it."""
    end = following(floor(at, Span.MINUTE), Span.MINUTE)
    coverage = Coverage.of(end - HOUR - MINUTE, end, spans=(Span.MINUTE,))
    answered: dict[datetime, list[Answered]] = {}
    for (began_at,), each in answers_by(["began_at"], coverage).items():
        answered.setdefault(began_at, []).append(each)
    asked = responses_by(["began_at", "status_class", "code"], coverage, Q(route__in=ASKED_ROUTES))
    starts = [coverage.stretch.start + n * MINUTE for n in range((end - coverage.stretch.start) // MINUTE)]
    minutes = [
        _minute(start, at, answered.get(start, []), {key[1:]: each for key, each in asked.items() if key[0] == start})
        for start in starts
    ]
    return Hour(minutes, coverage.gap)


def _minute(
    start: datetime, at: datetime, answered: Iterable[Answered], asked: dict[tuple[int, str], Responses]
) -> Minute:
    errors: Counter[str] = Counter()
    for (status, code), each in asked.items():
        if status >= 4:
            errors[code or "unknown"] += each.responses
    return Minute(
        start,
        min(60.0, (at - start).total_seconds()),
        Answered.total(answered) if answered else Answered(),
        sum(each.responses for each in asked.values()),
        errors,
        _merged(each.buckets for (status, _), each in asked.items() if status < 4),
    )


def _merged(many: Iterable[dict[int, int]]) -> dict[int, int]:
    total: Counter[int] = Counter()
    for buckets in many:
        total.update(buckets)
    return total
