"""Attempts to learn a version."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Concat

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from registry.models import ModelVersion, RegisteredModel
from training.models.market import Market

FOLDS = range(2, 101)  # walk-forward steps that a run may have
SILENCE = timedelta(seconds=30)  # without a sign of life, after which a run's process counts as killed
ATTEMPTS = 3
ESTIMATOR_NAMES = ("random_forest", "xgboost")  # for those who must not import what fits them


class RunLost(Refused):
    """The run was cancelled, or given to another process: what this one still does for it is in vain."""

    code = "run_lost"


class TrainingRunQuerySet(models.QuerySet["TrainingRun"]):
    def queued(self) -> Self:
        return self.filter(status=TrainingRun.Status.QUEUED)

    def under_way(self) -> Self:
        return self.filter(status=TrainingRun.Status.RUNNING)

    def silent(self, at: datetime) -> Self:
        """Under way by their own word, without a sign of life for too long."""
        return self.under_way().filter(seen_at__lt=at - SILENCE)

    def sweep(self) -> list[int]:
        """Queue again what a killed process left behind, fail what was tried too often; what waits in the queue now.

        The caller sends those their tasks again: a message may be lost, a row is not, and a task delivered twice finds
        its run claimed.
        """
        at = now()
        error = f"its process was killed, {ATTEMPTS} times in a row: look at the log, and for the memory it needs"
        tired = self.silent(at).filter(attempts__gte=ATTEMPTS)
        tired.update(status=TrainingRun.Status.FAILED, error=error, finished_at=at)
        self.silent(at).update(status=TrainingRun.Status.QUEUED, folds_done=0)
        return list(self.queued().order_by("pk").values_list("pk", flat=True))


class TrainingRun(models.Model):
    """One attempt to learn a version, and what came of it."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="training_runs")
    market = models.ForeignKey(Market, models.PROTECT, related_name="training_runs")
    feature_set = models.CharField(max_length=100)
    estimator = models.CharField(max_length=100)
    params = models.JSONField(default=dict)
    folds = models.PositiveSmallIntegerField(default=8)
    seed = models.PositiveIntegerField(default=7)
    actor = models.CharField(max_length=100)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often a process took it.")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    folds_done = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    log = models.TextField(blank=True)
    version = models.OneToOneField(ModelVersion, models.PROTECT, null=True, related_name="training_run")
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True, help_text="Last sign of life while running.")
    finished_at = models.DateTimeField(null=True)

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["model"], condition=Q(status="running"), name="one_running_training_run_per_model"
            ),
            models.CheckConstraint(
                condition=Q(status="succeeded", version__isnull=False)
                | (~Q(status="succeeded") & Q(version__isnull=True)),
                name="a_run_that_succeeded_has_a_version",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk} of {self.model.name}"

    def claim(self) -> bool:
        """Take the run from the queue; False when somebody else has.

        Raises Refused while another run of the same model is under way: its lock is the model's row, so two claims at
        once are decided one after the other.
        """
        with transaction.atomic():
            RegisteredModel.objects.select_for_update().get(pk=self.model_id)
            self.model.training_runs.silent(now()).update(
                status=self.Status.FAILED, error="its process was killed", finished_at=now()
            )
            other = self.model.training_runs.under_way().exclude(pk=self.pk).first()
            if other is not None:
                raise Refused(
                    f"{self.model} is being trained already: run {other.pk} by {other.actor}, {other.folds_done} of "
                    f"{other.folds} folds done, last seen {other.seen_at:%Y-%m-%d %H:%M:%S} UTC",
                    code="already_training",
                    evidence={"run": other.pk, "folds_done": other.folds_done, "folds": other.folds},
                )
            started = now()
            claimed = TrainingRun.objects.queued().filter(pk=self.pk)
            won = claimed.update(
                status=self.Status.RUNNING, started_at=started, seen_at=started, attempts=F("attempts") + 1
            )
        self.refresh_from_db()
        return bool(won)

    def sign_of_life(self) -> None:
        """Say that its process lives. Raises RunLost."""
        self._as_owner(seen_at=now())

    def progress(self, folds_done: int) -> None:
        """Raises RunLost, so that a cancelled run ends with its fold."""
        line = f"{now():%Y-%m-%d %H:%M:%S} {folds_done} of {self.folds} folds done\n"
        self._as_owner(folds_done=folds_done, seen_at=now(), log=Concat("log", Value(line)))

    def succeed(self, version: ModelVersion) -> None:
        """Raises RunLost; within the transaction that registers the version, so that a lost run leaves none."""
        self._as_owner(status=self.Status.SUCCEEDED, version=version, finished_at=now())

    def fail(self, error: str) -> None:
        self._as_owner(status=self.Status.FAILED, error=error, finished_at=now())

    def cancel(self) -> None:
        """From the queue at once, under way with its fold. Raises Refused when it has ended already."""
        waiting = TrainingRun.objects.filter(pk=self.pk, status__in=[self.Status.QUEUED, self.Status.RUNNING])
        if not waiting.update(status=self.Status.CANCELLED, finished_at=now()):
            raise Refused(f"{self} has ended already", code="run_ended")
        self.refresh_from_db()

    def _as_owner(self, **changes: Any) -> None:
        """Change the row as the process that holds this attempt of it; two of them would overwrite each other."""
        mine = TrainingRun.objects.under_way().filter(pk=self.pk, attempts=self.attempts)
        if not mine.update(**changes):
            raise RunLost(f"run {self.pk} was cancelled, or another process has taken it")
        self.refresh_from_db()
