"""Roll-ups of the log and of how it was answered, by minute, hour, day and month: always rebuilt, never added to."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q

from cryptoml_site.clock import now
from monitoring.metrics.spans import Span as SpanName
from monitoring.metrics.spans import Stretch


class Span(models.TextChoices):
    """What a row counts; each but the minute is made of the one before it."""

    MINUTE = SpanName.MINUTE
    HOUR = SpanName.HOUR
    DAY = SpanName.DAY
    MONTH = SpanName.MONTH


class CountQuerySet(models.QuerySet):  # type: ignore[type-arg]  # of both models
    def within(self, *stretches: Stretch) -> Self:
        """The rows that make up these stretches, each by its own span."""
        wanted = Q(pk__in=[])
        for stretch in stretches:
            wanted |= Q(span=stretch.span, began_at__gte=stretch.start, began_at__lt=stretch.end)
        return self.filter(wanted)


class Count(models.Model):
    span = models.CharField(max_length=6, choices=Span)
    began_at = models.DateTimeField(help_text="When the minute, hour, day or month began.")

    objects = CountQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["-began_at"]

    def __str__(self) -> str:
        return f"{self.span} of {self.began_at:%Y-%m-%d %H:%M}"


class AnswerCount(Count):
    """Answers in the log. By names, not by keys: it outlives the rows and what they point to."""

    LABELS = ("model", "version", "role", "market")
    SUMS = ("answers", "up", "down", "confidence_sum", "confidence_squares")

    model = models.CharField(max_length=64)
    version = models.PositiveIntegerField(help_text="Its number; 0 where the version is gone.")
    role = models.CharField(max_length=10)
    market = models.CharField(max_length=64, blank=True, help_text="Empty where clients sent the features.")
    answers = models.PositiveBigIntegerField()
    up = models.PositiveBigIntegerField()
    down = models.PositiveBigIntegerField(help_text="What is neither up nor down abstained.")
    confidence_sum = models.FloatField()
    confidence_squares = models.FloatField(help_text="Sum of the squares.")

    class Meta(Count.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["span", "began_at", "model", "version", "role", "market"], name="answers_are_counted_once"
            ),
            models.CheckConstraint(
                condition=Q(answers__gte=models.F("up") + models.F("down")),
                name="who_answers_says_at_most_one_direction",
            ),
        ]


class ResponseCount(Count):
    """Responses of all web processes together."""

    LABELS = ("method", "route", "status_class", "code", "model", "version")

    method = models.CharField(max_length=7)
    route = models.CharField(max_length=200, blank=True)
    status_class = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=64, blank=True)
    model = models.CharField(max_length=64, blank=True)
    version = models.PositiveIntegerField(null=True, blank=True)
    responses = models.PositiveBigIntegerField()
    seconds_total = models.FloatField()
    buckets = models.BinaryField(help_text="As monitoring.metrics.packing packs a histogram.")

    class Meta(Count.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["span", "began_at", "method", "route", "status_class", "code", "model", "version"],
                nulls_distinct=False,
                name="responses_are_counted_once",
            ),
        ]


class Watermark(models.Model):
    """How far the counting has come; one row."""

    final_to = models.DateTimeField(help_text="All minutes before it are final, but for late ones.")
    passed_at = models.DateTimeField(default=now, help_text="When the last pass ended.")
    minutes_from = models.DateTimeField(null=True, help_text="Minutes before it are deleted.")
    hours_from = models.DateTimeField(null=True, help_text="Hours before it are deleted.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="there_is_one_watermark")]

    def __str__(self) -> str:
        return f"{self.final_to:%Y-%m-%d %H:%M}"
