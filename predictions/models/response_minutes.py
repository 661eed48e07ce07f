"""How long this site's answers took, and which of them were errors."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q

from cryptoml_site.clock import now

LABELS = ["method", "route", "status_class", "code", "model", "version"]
TALLIED = ["count", "seconds_total", "buckets", "updated_at"]


class ResponseMinuteQuerySet(models.QuerySet["ResponseMinute"]):
    def since(self, moment: datetime) -> Self:
        """Of the minutes that begin at that moment or later."""
        return self.filter(minute__gte=moment)

    def put(self, rows: Iterable[ResponseMinute]) -> int:
        """Store the rows in place of what stood under their labels, and say how many they were: all of them or none."""
        return len(
            self.bulk_create(
                rows,
                batch_size=ResponseMinute.ROWS_PER_STATEMENT,
                update_conflicts=True,
                unique_fields=["minute", "process", *LABELS],
                update_fields=TALLIED,
            )
        )


class ResponseMinute(models.Model):
    """All responses of one web process in one minute that have the same labels.

    The process alone writes its rows, always with all that it has counted since the minute began: written twice, they
    count once.
    """

    ROWS_PER_STATEMENT = 5_000  # more than one minute has; only what gathered while Postgres was away needs several

    process = models.UUIDField(help_text="Drawn at random when the process started.")
    minute = models.DateTimeField(help_text="When the minute began.")
    method = models.CharField(max_length=7)
    route = models.CharField(max_length=200, blank=True, help_text="The URL pattern; empty where none matched.")
    status_class = models.PositiveSmallIntegerField(help_text="First digit of the HTTP status.")
    code = models.CharField(max_length=64, blank=True, help_text="Of the first error; empty where there was none.")
    model = models.CharField(max_length=64, blank=True, help_text="Which answered; empty where none did.")
    version = models.PositiveIntegerField(null=True, blank=True, help_text="The number of the version that answered.")
    count = models.PositiveIntegerField()
    seconds_total = models.FloatField()
    buckets = models.JSONField(help_text="Responses by bucket of predictions.histograms.")
    updated_at = models.DateTimeField(default=now)

    objects = ResponseMinuteQuerySet.as_manager()

    class Meta:
        ordering = ["-minute"]
        constraints = [
            models.UniqueConstraint(  # the minute first, so that this index also finds all rows since a moment
                fields=["minute", "process", *LABELS],
                nulls_distinct=False,
                name="one_row_per_process_minute_and_labels",
            ),
            models.CheckConstraint(
                condition=Q(minute__second=0), name="a_response_minute_begins_with_its_first_second"
            ),
            models.CheckConstraint(
                condition=Q(status_class__gte=1, status_class__lte=5), name="a_status_class_lies_between_1_and_5"
            ),
            models.CheckConstraint(
                condition=Q(version=None) | ~Q(model=""), name="a_version_that_answered_has_its_model"
            ),
            models.CheckConstraint(condition=Q(count__gte=1), name="a_response_minute_counts_some_response"),
            models.CheckConstraint(
                condition=Q(seconds_total__gte=0, seconds_total__lt=float("inf")), name="response_times_are_finite"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.route} at {self.minute:%Y-%m-%d %H:%M}"

    @property
    def histogram(self) -> dict[int, int]:
        """The buckets with whole numbers for keys, which JSON cannot hold."""
        return {int(bucket): count for bucket, count in self.buckets.items()}
