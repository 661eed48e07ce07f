"""What is watched, how grave it is, and who is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, Refused
from monitoring.alerts.kinds import ASKS, Kind, Severity, problems
from monitoring.models.alert_channels import AlertChannel
from registry.models import RegisteredModel

LONGEST_SILENCE = timedelta(days=30)
REPEATED_AFTER_HOURS = 24  # of a critical one


class AlertRuleQuerySet(models.QuerySet["AlertRule"]):
    def enabled(self) -> Self:
        return self.filter(enabled=True)


class AlertRule(models.Model):
    """Every change is kept, with who made it."""

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=12, choices=Kind)
    severity = models.CharField(max_length=8, choices=Severity, default=Severity.WARNING)
    model = models.ForeignKey(
        RegisteredModel,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="alert_rules",
        help_text="Of this model alone. Empty: of all.",
    )
    threshold = models.FloatField(null=True, blank=True, help_text="What it is depends on the kind; docs/alerts.md.")
    minutes = models.PositiveIntegerField(
        "window (minutes)", null=True, blank=True, help_text="Over how long, where the kind has a window."
    )
    repeat_hours = models.PositiveIntegerField(
        "tell again after (hours)",
        null=True,
        blank=True,
        help_text="While it lasts, unacknowledged. Empty: after 24 if it is critical, else never.",
    )
    enabled = models.BooleanField(default=True, help_text="Off: nothing is watched, and its alerts are closed.")
    channels = models.ManyToManyField(
        AlertChannel, blank=True, related_name="rules", help_text="Who is told. None: it shows here and nowhere else."
    )
    silenced_until = models.DateTimeField(null=True, editable=False)
    silenced_by = models.CharField(max_length=100, blank=True, editable=False)
    silence_reason = models.TextField(blank=True, editable=False)
    judged_at = models.DateTimeField(null=True, editable=False, help_text="When it was looked at last.")
    fault = models.TextField(blank=True, editable=False, help_text="Why it could not be judged then.")

    objects = AlertRuleQuerySet.as_manager()
    history = HistoricalRecords(m2m_fields=[channels], excluded_fields=["judged_at", "fault"])

    class Meta:
        ordering = ["name"]
        permissions = [("silence_alertrule", "Can silence alert rule")]
        constraints = [
            models.CheckConstraint(
                condition=Q(silenced_until=None, silenced_by="", silence_reason="")
                | (Q(silenced_until__isnull=False) & ~Q(silenced_by="")),
                name="who_silenced_a_rule_is_known",
            ),
            models.CheckConstraint(
                condition=Q(repeat_hours=None) | Q(repeat_hours__gte=1), name="an_alert_is_told_again_after_an_hour"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises ValidationError, naming each field that its kind has not, or has otherwise."""
        if self.kind not in Kind.values:  # said by the field itself
            return
        kind = Kind(self.kind)
        found = problems(kind, threshold=self.threshold, minutes=self.minutes, has_model=self.model_id is not None)
        if self.repeat_hours is not None and self.repeat_hours < 1:
            found["repeat_hours"] = "say after how many hours, or leave it empty"
        if found:
            raise ValidationError(found)

    def silenced(self, at: datetime) -> bool:
        return self.silenced_until is not None and at < self.silenced_until

    @property
    def repeated_after(self) -> timedelta | None:
        """None where it is told once."""
        if self.repeat_hours is not None:
            return timedelta(hours=self.repeat_hours)
        return timedelta(hours=REPEATED_AFTER_HOURS) if self.severity == Severity.CRITICAL else None

    @property
    def window(self) -> timedelta:
        """Its kind's own where it has none."""
        return timedelta(minutes=self.minutes or ASKS[Kind(self.kind)].minutes or 1)

    def silence(self, *, until: datetime, actor: str, reason: str) -> None:
        """Nothing is sent until then; what still lasts then is told then. Raises Invalid."""
        moment = now()
        if not moment < until <= moment + LONGEST_SILENCE:
            raise Invalid(
                f"'{until:%Y-%m-%d %H:%M}' UTC is no moment of the next {LONGEST_SILENCE.days} days", field="until"
            )
        self._silence(until, actor, reason)

    def end_silence(self, *, actor: str) -> None:
        """Raises Refused where there is none."""
        if not self.silenced(now()):
            raise Refused(f"'{self}' is not silenced", code="not_silenced")
        self._silence(None, "", "")

    def _silence(self, until: datetime | None, actor: str, reason: str) -> None:
        self.silenced_until, self.silenced_by, self.silence_reason = until, actor, reason
        self.save(update_fields=["silenced_until", "silenced_by", "silence_reason"])
