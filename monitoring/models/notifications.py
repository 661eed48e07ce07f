"""What is to be sent, and how each attempt went."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import SystemRandom
from typing import Self
from uuid import UUID

from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from monitoring.alerts.outcome import Outcome
from monitoring.models.alert_channels import AlertChannel
from monitoring.models.alerts import Alert
from predictions.ids import uuid7

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(hours=24)
JITTER = 0.2  # share of a pause, so that many do not come back at once
_chance = SystemRandom()


def new_id() -> UUID:
    return uuid7(now())


def pause(attempts: int) -> timedelta:
    """After so many attempts in vain: half a minute, one, two, up to an hour, give or take a fifth."""
    plain: timedelta = min(FIRST_PAUSE * 2 ** min(attempts - 1, 20), LONGEST_PAUSE)
    return plain * _chance.uniform(1 - JITTER, 1 + JITTER)


class NotificationQuerySet(models.QuerySet["Notification"]):
    def waiting(self) -> Self:
        return self.filter(state=Notification.State.WAITING)

    def due(self, at: datetime) -> Self:
        """Of enabled channels, oldest first; of one alert no later one before an earlier one.

        What is to be tried later than any pause lasts was set so by a clock that was wrong.
        """
        wrong = at + LONGEST_PAUSE * (1 + JITTER)
        earlier = self.model.objects.waiting().filter(
            channel=OuterRef("channel"), alert=OuterRef("alert"), id__lt=OuterRef("id")
        )
        tried = Q(next_attempt_at__lte=at) | Q(next_attempt_at__gt=wrong)
        return self.waiting().filter(tried, ~Exists(earlier), channel__enabled=True).order_by("next_attempt_at", "id")

    def give_up_those_of_disabled_channels(self, at: datetime) -> None:
        """What has waited for a day is no news when its channel is switched on again."""
        left = self.waiting().filter(channel__enabled=False, waiting_since__lte=at - GIVEN_UP_AFTER)
        left.update(state=Notification.State.GIVEN_UP, last_error="its channel was switched off for a day")


class Notification(models.Model):
    """One message to one channel, frozen when it was made. Sent at least once: receivers drop what bears a known id."""

    class Event(models.TextChoices):
        OPENED = "opened"
        STILL = "still", "still open"
        RESOLVED = "resolved"
        TEST = "test"

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        GIVEN_UP = "given_up", "given up"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    alert = models.ForeignKey(Alert, models.CASCADE, null=True, related_name="notifications")
    channel = models.ForeignKey(AlertChannel, models.PROTECT, related_name="notifications")
    event = models.CharField(max_length=8, choices=Event)
    payload = models.JSONField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    created_at = models.DateTimeField(default=now)
    waiting_since = models.DateTimeField(default=now, help_text="A day later it is given up.")
    next_attempt_at = models.DateTimeField(default=now)
    attempts = models.PositiveIntegerField(default=0, help_text="Since it was made, or redelivered.")
    sent_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(sent_at__isnull=False), name="when_a_notification_was_sent_is_known"
            )
        ]
        indexes = [
            models.Index(
                fields=["channel", "next_attempt_at"], condition=Q(state="waiting"), name="notifications_to_send"
            )
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.channel}, {self.created_at:%Y-%m-%d %H:%M:%S}"

    def record(self, outcome: Outcome) -> None:
        """How an attempt went: a row of its log, and what becomes of the notification."""
        at = now()
        attempts, vain_for = self.attempts + 1, abs(at - self.waiting_since)
        changes: dict[str, object] = {"attempts": F("attempts") + 1, "last_error": outcome.error}
        if not outcome.error:
            changes |= {"state": self.State.SENT, "sent_at": at}
        elif vain_for >= GIVEN_UP_AFTER:
            changes["state"] = self.State.GIVEN_UP
        else:
            changes["next_attempt_at"] = at + pause(attempts)
        with transaction.atomic():
            DeliveryAttempt.objects.create(
                notification=self,
                at=at,
                status=outcome.status,
                milliseconds=outcome.milliseconds,
                error=outcome.error,
                answer=outcome.answer,
            )
            Notification.objects.waiting().filter(pk=self.pk).update(**changes)
        self.refresh_from_db()

    def redeliver(self) -> None:
        """Once more, under the same id. Raises Refused while it waits already and is due."""
        at = now()
        free = Notification.objects.filter(pk=self.pk).exclude(state=self.State.WAITING, next_attempt_at__lte=at)
        changed = free.update(state=self.State.WAITING, waiting_since=at, next_attempt_at=at, attempts=0, sent_at=None)
        if not changed:
            raise Refused("it waits already, and is sent within a minute", code="waits_already")
        self.refresh_from_db()


class DeliveryAttempt(models.Model):
    """The log of deliveries: kept for as long as its notification is."""

    notification = models.ForeignKey(Notification, models.CASCADE, related_name="deliveries")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, help_text="Of HTTP; none where nobody answered.")
    milliseconds = models.PositiveIntegerField()
    error = models.TextField(blank=True)
    answer = models.TextField(blank=True, help_text="The first 500 characters.")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        said = self.error or "sent"
        return f"{self.at:%Y-%m-%d %H:%M:%S}: {said}"
