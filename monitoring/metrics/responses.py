"""Counts of responses, from what each web process said of its minutes: the processes of a minute are one row here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import QuerySet

from monitoring.metrics.packing import merged, packed
from monitoring.metrics.spans import BELOW, Span, Stretch, floor, following
from monitoring.models import ResponseCount
from predictions.models import ResponseMinute

TOLD_WITHIN = timedelta(hours=6)  # by when the oldest minute has come that a process kept while Postgres was away

Labels = tuple[Any, ...]  # as ResponseCount.LABELS


@dataclass(slots=True)
class Responses:
    """Those of the same labels."""

    responses: int = 0
    seconds_total: float = 0.0
    histograms: list[bytes] = field(default_factory=list)

    @property
    def buckets(self) -> dict[int, int]:
        return merged(self.histograms)

    def add(self, responses: int, seconds_total: float, histogram: bytes) -> None:
        self.responses += responses
        self.seconds_total += seconds_total
        self.histograms.append(histogram)


def told_since(moment: datetime, *, before: datetime) -> list[datetime]:
    """The minutes, of those before, of which some process has told since that moment."""
    rows = ResponseMinute.objects.filter(updated_at__gte=moment, minute__gte=moment - TOLD_WITHIN, minute__lt=before)
    return sorted(rows.order_by().values_list("minute", flat=True).distinct())


def rebuild(minutes: Sequence[datetime]) -> None:
    """Merge these minutes of all processes, and the hours, days and months that hold them."""
    _replace(Span.MINUTE, minutes, _told)
    for span in BELOW:
        _replace(span, sorted({floor(minute, span) for minute in minutes}), partial(_made_of_parts, span=span))


def said_of(rows: QuerySet[ResponseMinute], labels: Sequence[str] = ResponseCount.LABELS) -> dict[Labels, Responses]:
    """By these of the labels, what the processes themselves stored."""
    found: dict[Labels, Responses] = defaultdict(Responses)
    told = ["minute" if label == "began_at" else label for label in labels]
    for *values, count, seconds, buckets in rows.values_list(*told, "count", "seconds_total", "buckets"):
        said = packed({int(bucket): responses for bucket, responses in buckets.items()})
        found[tuple(values)].add(count, seconds, said)
    return found


def summed(rows: QuerySet[ResponseCount], labels: Sequence[str] = ResponseCount.LABELS) -> dict[Labels, Responses]:
    """By these of the labels, what was rolled up."""
    found: dict[Labels, Responses] = defaultdict(Responses)
    for *values, responses, seconds, buckets in rows.order_by().values_list(
        *labels, "responses", "seconds_total", "buckets"
    ):
        found[tuple(values)].add(responses, seconds, bytes(buckets))
    return found


def _told(minute: datetime) -> dict[Labels, Responses]:
    return said_of(ResponseMinute.objects.filter(minute=minute))


def _made_of_parts(start: datetime, *, span: Span) -> dict[Labels, Responses]:
    return summed(ResponseCount.objects.within(Stretch(start, following(start, span), BELOW[span])))


def _replace(span: Span, starts: Sequence[datetime], counted: Callable[[datetime], dict[Labels, Responses]]) -> None:
    ResponseCount.objects.filter(span=span, began_at__in=starts).delete()
    ResponseCount.objects.bulk_create(
        [
            ResponseCount(
                span=span,
                began_at=start,
                **dict(zip(ResponseCount.LABELS, labels, strict=True)),
                responses=each.responses,
                seconds_total=each.seconds_total,
                buckets=packed(each.buckets),
            )
            for start in starts
            for labels, each in counted(start).items()
        ],
        batch_size=5_000,
    )
