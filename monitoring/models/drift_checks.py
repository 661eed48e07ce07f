"""What a check of a model's drift found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from django.db import models, transaction
from django.db.models import OuterRef, Q, Subquery

from cryptoml_site.clock import now
from monitoring.drift.findings import Channel, Findings, Status
from predictions.ids import uuid7
from registry.models import ModelVersion, RegisteredModel


def new_id() -> UUID:
    return uuid7(now())


class DriftCheckQuerySet(models.QuerySet["DriftCheck"]):
    def done(self) -> Self:
        return self.filter(state=DriftCheck.State.DONE)

    def newest_of(self, model: RegisteredModel) -> DriftCheck | None:
        """Of those that are done."""
        return self.done().filter(model=model).order_by("-checked_at", "-id").first()

    def newest_of_model(self, model: RegisteredModel, *, most: int) -> list[DriftCheck]:
        """Of those that are done, newest first."""
        return list(self.done().filter(model=model).select_related("version").order_by("-checked_at", "-id")[:most])

    def newest_of_each(self, models: Iterable[RegisteredModel]) -> dict[int, DriftCheck]:
        """By model, of those that are done; a look into an index for each."""
        of_model = self.done().filter(model=OuterRef("pk")).order_by("-checked_at", "-id")
        asked = RegisteredModel.objects.filter(pk__in=[model.pk for model in models])
        newest = asked.annotate(newest=Subquery(of_model.values("pk")[:1])).values("newest")
        return {check.model_id: check for check in self.filter(pk__in=newest)}

    def earlier_of_version(self, version: ModelVersion, *, before: datetime, most: int) -> list[DriftCheck]:
        """Of those that are done and looked at older rows, newest first; the last of several that saw the same."""
        older = self.done().filter(version=version, last_at__lt=before)
        return list(older.order_by("-last_at", "-checked_at").distinct("last_at")[:most])

    def ask(self, model: RegisteredModel, *, actor: str) -> DriftCheck:
        """One that waits for a worker: the one that waits already, where there is one."""
        with transaction.atomic():
            RegisteredModel.objects.select_for_update(of=("self",)).get(pk=model.pk)
            waiting = self.filter(model=model, state=DriftCheck.State.QUEUED).first()
            return waiting or self.create(model=model, asked_by=actor)


class DriftCheck(models.Model):
    """One look at the newest rows of a model's production version, each channel by itself."""

    class State(models.TextChoices):
        QUEUED = "queued"
        DONE = "done"
        FAILED = "failed"

    class Source(models.TextChoices):
        ANSWERS = "answers", "the log's answers"
        CANDLES = "candles", "the market's candles"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="drift_checks")
    version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="drift_checks", null=True)
    asked_by = models.CharField(max_length=100)
    asked_at = models.DateTimeField(default=now)
    state = models.CharField(max_length=6, choices=State, default=State.QUEUED)
    error = models.TextField(blank=True)
    checked_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=14, choices=Status, blank=True, help_text="The worst of its channels.")
    source = models.CharField(max_length=7, choices=Source, blank=True)
    rows = models.PositiveIntegerField(null=True, help_text="How many rows were looked at.")
    first_at = models.DateTimeField(null=True, help_text="Of the oldest of them: as_of, or when it was answered.")
    last_at = models.DateTimeField(null=True)
    channels = models.JSONField(default=dict, help_text="By name: its status, whether it is over, and the figures.")
    features = models.JSONField(
        default=list, help_text="Of each: ks, z, psi, wasserstein, effective_n, p, contribution."
    )
    reaction = models.TextField(blank=True, help_text="What followed: a retraining, a suggestion, or why neither.")

    objects = DriftCheckQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at", "-id"]
        indexes = [models.Index(fields=["model", "-checked_at"], name="drift_checks_by_model")]
        constraints = [
            models.UniqueConstraint(
                fields=["model"], condition=Q(state="queued"), name="one_drift_check_waits_per_model"
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | (Q(checked_at__isnull=False, version__isnull=False) & ~Q(status="")),
                name="a_done_drift_check_has_its_status",
            ),
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(error=""), name="a_failed_drift_check_has_its_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"drift check of {self.model.name} at {self.asked_at:%Y-%m-%d %H:%M}"

    @property
    def drift_detected(self) -> bool:
        """Whether the distribution of the features, or of the answers, has moved."""
        return any(self.status_of(channel) == Status.ALERT for channel in (Channel.DISTRIBUTION, Channel.PREDICTION))

    def status_of(self, channel: Channel) -> Status:
        """not_calibrated where the check has no such channel."""
        return Status(self.channels.get(channel, {}).get("status", Status.NOT_CALIBRATED))

    @property
    def worst(self) -> str:
        """Names of the channels whose status is the check's."""
        return ", ".join(channel.value for channel in Channel if self.status_of(channel) == self.status)

    @property
    def told(self) -> list[tuple[Channel, dict[str, Any]]]:
        """What each channel says."""
        return [(channel, self.channels[channel]) for channel in Channel if channel in self.channels]

    def was_over(self, channel: Channel) -> bool:
        return bool(self.channels.get(channel, {}).get("over", False))

    def finish(self, version: ModelVersion, findings: Findings, *, at: datetime) -> bool:
        """Keep what was found. A check that is done stays as it is, and the answer is False."""
        self.version, self.checked_at, self.state = version, at, self.State.DONE
        self.status, self.source, self.rows = findings.status, findings.source, findings.rows
        self.first_at, self.last_at = findings.first_at, findings.last_at
        self.channels, self.features = findings.channels, findings.features
        return self._save()

    def fail(self, reason: str, *, at: datetime) -> None:
        """Nothing else is kept: what was found may be what could not be stored."""
        self.state, self.error, self.checked_at = self.State.FAILED, reason or "for no reason that was told", at
        facts = {"state": self.state, "error": self.error, "checked_at": at}
        DriftCheck.objects.filter(pk=self.pk, state=self.State.QUEUED).update(**facts)

    def answer(self, reaction: str) -> None:
        """Keep what followed from it."""
        self.reaction = reaction
        self.save(update_fields=["reaction"])

    def _save(self) -> bool:
        facts: dict[str, Any] = {
            field.attname: getattr(self, field.attname)
            for field in self._meta.concrete_fields
            if field.name not in ("id", "model", "asked_by", "asked_at", "reaction")
        }
        return bool(DriftCheck.objects.filter(pk=self.pk, state=self.State.QUEUED).update(**facts))
