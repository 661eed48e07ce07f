"""What is wrong now, and what was: one open alert for each subject of a rule, however often it is seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

from django.db import models
from django.db.models import F, Q

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from monitoring.alerts.kinds import Severity
from monitoring.models.alert_rules import AlertRule

CALM = timedelta(minutes=2)  # without it being seen, after which it is over: what flutters is one alert


class AlertQuerySet(models.QuerySet["Alert"]):
    def open(self) -> Self:
        return self.filter(closed_at=None)

    def in_state(self, state: str) -> Self:
        """open, acknowledged or closed."""
        if state == Alert.State.CLOSED:
            return self.filter(closed_at__isnull=False)
        return self.open().filter(acknowledged_at__isnull=state == Alert.State.OPEN)


class Alert(models.Model):
    class State(models.TextChoices):
        OPEN = "open"
        ACKNOWLEDGED = "acknowledged"
        CLOSED = "closed"

    rule = models.ForeignKey(AlertRule, models.CASCADE, related_name="alerts")
    subject = models.CharField(max_length=200, help_text="Of what: a model, a market, a queue.")
    severity = models.CharField(max_length=8, choices=Severity)
    sentence = models.TextField(help_text="What was found last.")
    figures = models.JSONField(default=dict)
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    times_seen = models.PositiveIntegerField(default=1)
    calm_since = models.DateTimeField(null=True, help_text="Since when it is not seen any more.")
    told_at = models.DateTimeField(null=True, help_text="When somebody was last told that it is open.")
    owes_end = models.BooleanField(
        default=False, help_text="It ended in a silence: who was told of it has yet to hear."
    )
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=100, blank=True)
    note = models.TextField(blank=True, help_text="What people say of it.")
    closed_at = models.DateTimeField(null=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "subject"], condition=Q(closed_at=None), name="one_open_alert_per_rule_and_subject"
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None) | Q(closed_at__gte=F("opened_at")), name="an_alert_closes_after_it_opened"
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at=None, acknowledged_by="")
                | (Q(acknowledged_at__isnull=False) & ~Q(acknowledged_by="")),
                name="who_acknowledged_an_alert_is_known",
            ),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(owes_end=True), name="alerts_whose_end_is_owed")]

    def __str__(self) -> str:
        return f"{self.rule.name}: {self.subject}"

    @property
    def state(self) -> str:
        if self.closed_at is not None:
            return self.State.CLOSED
        return self.State.OPEN if self.acknowledged_at is None else self.State.ACKNOWLEDGED

    def acknowledge(self, *, actor: str, note: str = "") -> None:
        """Somebody has seen it, so it is not told again. Raises Refused where it is over; who was first stays."""
        changes: dict[str, Any] = {"acknowledged_at": now(), "acknowledged_by": actor, "note": note}
        won = Alert.objects.open().filter(pk=self.pk, acknowledged_at=None).update(**changes)
        self.refresh_from_db()
        if not won and self.closed_at is not None:
            raise Refused(f"'{self}' was over at {self.closed_at:%Y-%m-%d %H:%M} UTC", code="alert_closed")
