"""Counts of a stretch of time: roll-ups as far as they are final, and from there on what the log holds now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic
from typing import Any

from django.db.models import Q, QuerySet, Sum

from cryptoml_site.clock import now
from monitoring.metrics.answers import Answered, Labelled, counted_now
from monitoring.metrics.responses import Labels, Responses, said_of, summed
from monitoring.metrics.spans import BEGINNING, END, LONGEST_FIRST, Span, Stretch, ceiling, cover, floor
from monitoring.models import AnswerCount, ResponseCount, Watermark
from predictions.models import Prediction, ResponseMinute

LONGEST_TAIL = timedelta(minutes=15)  # that is read from the log itself; longer only where no worker counts
ASKED_ROUTES = tuple(f"{root}{path}" for root in ("", "api/v1/") for path in ("predict", "predict/batch"))


@dataclass(frozen=True)
class Choice:
    """Which answers: of one model, of one version of it, or all."""

    model: str | None = None
    version: int | None = None

    def as_filter(self) -> dict[str, Any]:
        asked = {"model": self.model, "version": self.version}
        return {name: value for name, value in asked.items() if value is not None}

    def has(self, model: str, version: int | None) -> bool:
        return self.model in (None, model) and self.version in (None, version)


ALL = Choice()


class Tail:
    """The newest counts straight from the log, at most a second old: whoever asks meanwhile shares them."""

    LIFE = 1.0  # seconds

    def __init__(self) -> None:
        self._lock = Lock()
        self._start: datetime | None = None
        self._read_at = 0.0
        self._rows: list[Labelled] = []

    def of(self, live: Stretch, *, start: datetime) -> list[Labelled]:
        """Of the minutes of `live`; start: from when on all is read, the same for all who ask."""
        with self._lock:  # one at a time: the others would count the same
            if self._start != start or monotonic() - self._read_at > self.LIFE:
                asked_at = monotonic()
                self._rows = counted_now(Stretch(start, END))
                self._start, self._read_at = start, asked_at  # not before: where it fails, the next asks again
            return [row for row in self._rows if live.start <= row.began_at < live.end]


tail = Tail()  # of this process


@dataclass(frozen=True)
class Coverage:
    """How a stretch is known: rolled up until `final_to`, live from `live_from`, not at all between the two."""

    stretch: Stretch
    final_to: datetime
    live_from: datetime
    spans: Sequence[Span] = LONGEST_FIRST  # of the rows that make it up

    @classmethod
    def of(cls, start: datetime, end: datetime, spans: Sequence[Span] = LONGEST_FIRST) -> Coverage:
        """From the minute that holds start; as far back as only hours or days are kept, from the hour or day."""
        mark = Watermark.objects.filter(pk=1).first()
        moment = now()
        final_to = mark.final_to if mark else BEGINNING
        start = floor(start, Span.MINUTE)
        for kept_from, span in ((mark and mark.minutes_from, Span.HOUR), (mark and mark.hours_from, Span.DAY)):
            if kept_from and start < kept_from:
                start = floor(start, span)
        live_from = max(final_to, floor(moment - LONGEST_TAIL, Span.MINUTE))
        return cls(Stretch(start, ceiling(end, Span.MINUTE)), final_to, live_from, spans)

    @property
    def rolled_up(self) -> list[Stretch]:
        return cover(self.stretch.start, min(self.stretch.end, self.final_to), self.spans)

    @property
    def live(self) -> Stretch | None:
        start = max(self.stretch.start, self.live_from)
        return Stretch(start, self.stretch.end) if start < self.stretch.end else None

    @property
    def gap(self) -> Stretch | None:
        """What nobody has counted: the worker is behind by more than is read from the log."""
        start, end = max(self.stretch.start, self.final_to), min(self.stretch.end, self.live_from)
        return Stretch(start, end) if start < end else None


def always() -> Coverage:
    """All that was ever counted."""
    return Coverage.of(BEGINNING, END)


def answers_by(labels: Sequence[str], coverage: Coverage, choice: Choice = ALL) -> dict[Labels, Answered]:
    """By these labels of AnswerCount; what a shadow computed was answered to nobody."""
    found: dict[Labels, list[Answered]] = defaultdict(list)
    rows: QuerySet[AnswerCount] = AnswerCount.objects.within(*coverage.rolled_up)
    rows = rows.filter(**choice.as_filter()).exclude(role=Prediction.Role.SHADOW).order_by()
    sums = [Sum(name) for name in AnswerCount.SUMS]
    for row in rows.values_list(*labels).annotate(*sums):
        found[row[: len(labels)]].append(Answered(*row[len(labels) :]))
    for live in tail.of(coverage.live, start=coverage.live_from) if coverage.live else ():
        if live.role != Prediction.Role.SHADOW and choice.has(live.model, live.version):
            found[tuple(getattr(live, label) for label in labels)].append(live.answered)
    return {key: Answered.total(parts) for key, parts in found.items()}


def responses_by(labels: Sequence[str], coverage: Coverage, wanted: Q) -> dict[Labels, Responses]:
    """By these labels of ResponseCount, or when its span began; wanted: which of its rows."""
    rows: QuerySet[ResponseCount] = ResponseCount.objects.within(*coverage.rolled_up)
    found = summed(rows.filter(wanted), labels)
    if coverage.live:
        told = ResponseMinute.objects.filter(wanted, minute__gte=coverage.live.start, minute__lt=coverage.live.end)
        for key, live in said_of(told, labels).items():
            found.setdefault(key, Responses()).add(live.responses, live.seconds_total, b"".join(live.histograms))
    return found
