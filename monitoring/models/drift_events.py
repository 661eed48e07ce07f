"""Incidents: a channel that is alarmed, from its first alarm until it is calm or a person closes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.db import models, transaction
from django.db.models import F, Q

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from monitoring.drift.findings import Channel, Status
from monitoring.drift.policy import CLEAN
from monitoring.models.drift_checks import DriftCheck
from registry.models import ModelVersion, RegisteredModel

BY_ITSELF = "schedule:drift"


class DriftEventQuerySet(models.QuerySet["DriftEvent"]):
    def open(self) -> Self:
        return self.filter(closed_at=None)

    def in_state(self, state: str) -> Self:
        """open, acknowledged or closed."""
        if state == "closed":
            return self.filter(closed_at__isnull=False)
        return self.open().filter(acknowledged_at__isnull=state == "open")

    def within(self, model: RegisteredModel, since: datetime, until: datetime) -> Self:
        """That were open at some moment of a stretch of time."""
        lasted = Q(closed_at=None) | Q(closed_at__gte=since)
        return self.filter(lasted, model=model, opened_at__lte=until).order_by("opened_at")

    def of(self, model: RegisteredModel, channel: Channel) -> DriftEvent | None:
        """The one that is open."""
        return self.open().filter(model=model, channel=channel).first()

    def follow(self, check: DriftCheck) -> list[DriftEvent]:
        """Open, go on with or close the incidents of each channel of a check that is done; those that changed state."""
        with transaction.atomic():
            RegisteredModel.objects.select_for_update(of=("self",)).get(pk=check.model_id)
            return [event for channel in Channel if (event := self._follow(check, channel)) is not None]

    def _follow(self, check: DriftCheck, channel: Channel) -> DriftEvent | None:
        event, status = self.of(check.model, channel), check.status_of(channel)
        if event is None:
            return self._opened(check, channel) if status == Status.ALERT else None
        return event.go_on(check, status)

    def _opened(self, check: DriftCheck, channel: Channel) -> DriftEvent:
        facts: dict[str, Any] = {"version": check.version, "opened_at": check.checked_at}  # a done check has both
        said = check.channels[channel]["says"]
        return self.create(
            model=check.model, channel=channel, sentence=said, first_check=check, last_check=check, **facts
        )


class DriftEvent(models.Model):
    """One open incident per model and channel: later alarms are added to it, CLEAN calm checks close it."""

    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="drift_events")
    version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="drift_events")
    channel = models.CharField(max_length=12, choices=Channel)
    sentence = models.TextField(help_text="What was found first.")
    opened_at = models.DateTimeField()
    first_check = models.ForeignKey(DriftCheck, models.PROTECT, related_name="+")
    last_check = models.ForeignKey(DriftCheck, models.PROTECT, related_name="+")
    alarms = models.PositiveIntegerField(default=1, help_text="Checks that were alarmed since.")
    calm = models.PositiveIntegerField(default=0, help_text="Checks in a row that were not.")
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=100, blank=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=100, blank=True)
    note = models.TextField(blank=True, help_text="What people say of it.")

    objects = DriftEventQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "channel"], condition=Q(closed_at=None), name="one_open_incident_per_model_and_channel"
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None, closed_by="") | (Q(closed_at__gte=F("opened_at")) & ~Q(closed_by="")),
                name="who_closed_an_incident_is_known",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at=None, acknowledged_by="")
                | (Q(acknowledged_at__isnull=False) & ~Q(acknowledged_by="")),
                name="who_acknowledged_an_incident_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} drift of {self.model.name} since {self.opened_at:%Y-%m-%d %H:%M}"

    @property
    def state(self) -> str:
        if self.closed_at is not None:
            return "closed"
        return "acknowledged" if self.acknowledged_at is not None else "open"

    def go_on(self, check: DriftCheck, status: Status) -> DriftEvent | None:
        """Add a later check; itself where that closed it.

        A check that was not calibrated says nothing either way, and one of the same rows nothing new: to ask five
        times in a row makes nobody calm.
        """
        if status == Status.NOT_CALIBRATED:
            return None
        again = check.last_at is not None and check.last_at == self.last_check.last_at
        self.last_check = check
        self.alarms += status == Status.ALERT
        self.calm = self.calm + (not again) if status == Status.OK else 0
        closes = self.calm >= CLEAN
        changes: dict[str, Any] = {"last_check": check, "alarms": self.alarms, "calm": self.calm}
        if closes:
            self.closed_at, self.closed_by = self._over_at(check.checked_at or now()), BY_ITSELF
            changes |= {"closed_at": self.closed_at, "closed_by": self.closed_by}
        won = DriftEvent.objects.open().filter(pk=self.pk).update(**changes)  # a person may have closed it meanwhile
        return self if closes and won else None

    def acknowledge(self, *, actor: str, note: str = "") -> None:
        """Somebody has seen it. Raises Refused where it is closed; who was first stays."""
        changed = DriftEvent.objects.open().filter(pk=self.pk, acknowledged_at=None)
        moment = now()
        if not changed.update(acknowledged_at=moment, acknowledged_by=actor, note=note):
            self.refresh_from_db()
            self._refuse_closed()
            return
        self.refresh_from_db()

    def close(self, *, actor: str, note: str) -> None:
        """A person says that it is over; the next alarm opens another. Raises Refused where it is closed already."""
        moment = self._over_at(now())
        if not DriftEvent.objects.open().filter(pk=self.pk).update(closed_at=moment, closed_by=actor, note=note):
            self.refresh_from_db()
            self._refuse_closed()
        self.refresh_from_db()

    def _over_at(self, moment: datetime) -> datetime:
        """Not before it was opened, by a clock that was ahead then."""
        return max(moment, self.opened_at)

    def _refuse_closed(self) -> None:
        if self.closed_at is not None:
            raise Refused(
                f"{self} was closed by {self.closed_by} at {self.closed_at:%Y-%m-%d %H:%M} UTC", code="incident_closed"
            )
