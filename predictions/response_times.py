"""Response times and errors of this process: counted by the minute, handed to Postgres as absolute values."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple, TypedDict
from uuid import UUID

from django.http.response import HttpResponseBase

from cryptoml_site.clock import now
from predictions.histograms import bucket_of
from predictions.models import ResponseMinute

MINUTE = timedelta(minutes=1)
KEPT = timedelta(minutes=3)  # since its beginning; after that a minute that Postgres has is forgotten
MOST_MINUTES = 60  # kept while Postgres is away; the oldest go first
MOST_KEYS = 2_000  # of one minute, with one for what exceeds them in each status class
STATUS_CLASSES = 5
TASK = "(task)"  # for a method, of what monitoring.failed_tasks counts; no request has one with brackets
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", TASK})


class Told(TypedDict):
    """Of one response. model, version: only of what answered, never what a client asked for."""

    method: str
    route: str
    status: int
    code: str
    model: str
    version: int | None
    seconds: float


class Labels(NamedTuple):
    """What responses are told apart by. Equal to the plain tuple of the same values."""

    method: str
    route: str
    status_class: int
    code: str
    model: str
    version: int | None

    def bounded(self) -> Labels:
        """As Postgres takes them, whatever was said."""
        return Labels(
            method=self.method if self.method in METHODS else "OTHER",
            route=_cut(self.route, 200),
            status_class=min(max(self.status_class, 1), STATUS_CLASSES),
            code=_cut(self.code, 64),
            model=_cut(self.model, 64),
            version=self.version if self.model else None,
        )

    def exceeding(self) -> Labels:
        """Those of a minute that has no room for more."""
        return Labels("OTHER", "other", self.status_class, "", "", None)


@dataclass(slots=True)
class Tally:
    """The responses of one minute under the same labels, since it began."""

    count: int = 0
    seconds_total: float = 0.0
    buckets: dict[int, int] = field(default_factory=dict)
    flushed: int = 0  # the count that Postgres has

    def frozen(self) -> Tally:
        return replace(self, buckets=dict(self.buckets))


Tallies = dict[Labels, Tally]


class Pending(NamedTuple):
    """A tally that Postgres has not as it now is."""

    minute: datetime
    labels: Labels
    tally: Tally
    frozen: Tally

    def row(self, process: UUID, moment: datetime) -> ResponseMinute:
        return ResponseMinute(
            process=process,
            minute=self.minute,
            **self.labels._asdict(),
            count=self.frozen.count,
            seconds_total=self.frozen.seconds_total,
            buckets=self.frozen.buckets,
            updated_at=moment,
        )


class ResponseTimes:
    """Counts under one lock, which is held for a microsecond; whatever waits for Postgres is done outside it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minutes: dict[datetime, Tallies] = {}  # in the order in which they were opened
        self._closed: dict[datetime, None] = {}  # minutes forgotten, the newest last: their rows are final

    def record(
        self, *, method: str, route: str, status: int, code: str, model: str, version: int | None, seconds: float
    ) -> None:
        """Count one response. model, version: only of what answered, never what a client asked for."""
        minute, bucket = now().replace(second=0, microsecond=0), bucket_of(seconds)
        labels = (method, route, status // 100, code, model, version)
        with self._lock:
            tallies = self._minutes.get(minute)
            if tallies is None:
                tallies = self._open(minute)
            tally = tallies.get(labels)  # type: ignore[call-overload]  # a plain tuple, made in a third of the time
            if tally is None:
                tally = _tally(tallies, Labels(*labels).bounded())
            tally.count += 1
            tally.seconds_total += seconds
            tally.buckets[bucket] = tally.buckets.get(bucket, 0) + 1

    def flush(self, process: UUID) -> int:
        """Store all that changed since the last time, and say how many rows that were. One thread calls this.

        Where Postgres refuses, its error passes through and the next call stores the same and what came since.
        """
        moment = now()
        with self._lock:
            pending = list(self._pending())
        stored = ResponseMinute.objects.put([each.row(process, moment) for each in pending])
        with self._lock:
            for each in pending:
                each.tally.flushed = each.frozen.count
            self._forget(moment)
        return stored

    def _open(self, minute: datetime) -> Tallies:
        """The tallies of a minute that has none yet, or of the next that may be written, where the clock went back
        into one whose row is final: to count it anew would lose what it holds."""
        while minute in self._closed:
            minute += MINUTE
        tallies = self._minutes.setdefault(minute, {})
        if len(self._minutes) > MOST_MINUTES:
            self._close(next(iter(self._minutes)))
        return tallies

    def _pending(self) -> list[Pending]:
        return [
            Pending(minute, labels, tally, tally.frozen())
            for minute, tallies in self._minutes.items()
            for labels, tally in tallies.items()
            if tally.count != tally.flushed
        ]

    def _forget(self, moment: datetime) -> None:
        """Close the minutes that lie well behind, or ahead where the clock went back, once Postgres has them."""
        distant = [minute for minute in self._minutes if abs(moment - minute) > KEPT]
        for minute in distant:
            if all(tally.count == tally.flushed for tally in self._minutes[minute].values()):
                self._close(minute)

    def _close(self, minute: datetime) -> None:
        del self._minutes[minute]
        self._closed[minute] = None
        if len(self._closed) > 2 * MOST_MINUTES:
            del self._closed[next(iter(self._closed))]


def _tally(tallies: Tallies, labels: Labels) -> Tally:
    if labels not in tallies and len(tallies) >= MOST_KEYS - STATUS_CLASSES:
        labels = labels.exceeding()
    return tallies.setdefault(labels, Tally())


def _cut(text: str, characters: int) -> str:
    """A text that Postgres can hold."""
    return text[:characters].replace("\x00", "")


response_times = ResponseTimes()  # of this process


def tag(response: HttpResponseBase, *, model: str, version: int) -> None:
    """Say who answered, so that the response is counted for it."""
    response.answered_by = (model, version)  # type: ignore[attr-defined]
