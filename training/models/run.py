"""Attempts to learn a version."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models, transaction
from django.db.models import F, Q, Value, Window
from django.db.models.functions import Concat, RowNumber

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from registry.models import ModelVersion, RegisteredModel
from training.models.market import Market

FOLDS = range(2, 101)  # walk-forward steps that a run may have
SILENCE = timedelta(seconds=30)  # without a sign of life, after which a run's process counts as killed
ATTEMPTS = 3
PAUSES = (timedelta(minutes=1), timedelta(minutes=5))  # after the first attempt, and after the second
SENT_AGAIN = timedelta(minutes=5)  # after which a waiting run's message counts as lost
CONSIDERED_WITHIN = timedelta(minutes=5)
UNSET = "Empty: as the settings of the trainer say."
ESTIMATOR_NAMES = ("random_forest", "xgboost", "logistic", "ensemble")  # for those who must not import what fits them


class RunLost(Refused):
    """The run was cancelled, or given to another process: what this one still does for it is in vain."""

    code = "run_lost"


class TrainingRunQuerySet(models.QuerySet["TrainingRun"]):
    def queued(self) -> Self:
        return self.filter(status=TrainingRun.Status.QUEUED)

    def ready(self, at: datetime) -> Self:
        """In the queue, and not pausing after an attempt that failed."""
        return self.queued().filter(Q(not_before__isnull=True) | Q(not_before__lte=at))

    def under_way(self) -> Self:
        return self.filter(status=TrainingRun.Status.RUNNING)

    def unended(self) -> Self:
        return self.filter(status__in=[TrainingRun.Status.QUEUED, TrainingRun.Status.RUNNING])

    def places(self) -> dict[int, int]:
        """Where each waiting run stands in the queue, by primary key; the next one stands at 1."""
        numbered = self.queued().annotate(standing=Window(RowNumber(), order_by="pk"))
        return dict(numbered.order_by().values_list("pk", "standing"))

    def silent(self, at: datetime) -> Self:
        """Under way by their own word, without a sign of life for too long."""
        return self.under_way().filter(seen_at__lt=at - SILENCE)

    def give_back(self, at: datetime) -> None:
        """Queue again what killed processes left behind, fail what was tried too often."""
        error = f"its process was killed, {ATTEMPTS} times in a row: look at the log, and for the memory it needs"
        tired = self.silent(at).filter(attempts__gte=ATTEMPTS)
        tired.update(status=TrainingRun.Status.FAILED, error=error, finished_at=at)
        self.silent(at).update(status=TrainingRun.Status.QUEUED, folds_done=0, sent_at=None)

    def sweep(self) -> list[int]:
        """Give back what killed processes left behind; the waiting runs whose task must be sent, or sent again.

        A message may be lost, a row is not, and a task delivered twice finds its run claimed.
        """
        at = now()
        self.give_back(at)
        unsent = Q(sent_at__isnull=True) | Q(sent_at__lte=at - SENT_AGAIN)
        return list(self.ready(at).filter(unsent).order_by("pk").values_list("pk", flat=True))

    def sent(self) -> None:
        """Their task has been sent just now."""
        self.update(sent_at=now())

    def unconsidered(self, at: datetime) -> Self:
        """Those whose policy should have decided by then what becomes of their version, and has not."""
        left = self.filter(status=TrainingRun.Status.SUCCEEDED, policy__isnull=False, considered_at__isnull=True)
        return left.filter(finished_at__lt=at - CONSIDERED_WITHIN)


class TrainingRun(models.Model):
    """One attempt to learn a version, and what came of it."""

    place: int | None = None  # in the queue, where `places` was asked

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
    options = models.JSONField(default=dict, help_text="Of the recipe: what differs from training.recipe.Options.")
    folds = models.PositiveSmallIntegerField(default=8)
    seed = models.PositiveIntegerField(default=7)
    time_limit_minutes = models.PositiveIntegerField(
        "time limit (minutes)", null=True, blank=True, help_text=f"Of one attempt. {UNSET}"
    )
    memory_limit_mb = models.PositiveIntegerField(
        "memory limit (MB)", null=True, blank=True, help_text=f"Of its process. {UNSET}"
    )
    actor = models.CharField(max_length=100)
    reason = models.TextField(blank=True, help_text="Why a schedule or a trigger asked for it.")
    policy = models.ForeignKey(
        "training.RetrainingPolicy",
        models.SET_NULL,
        null=True,
        db_index=False,
        related_name="runs",
        help_text="The model's policy that asked for it, and that says what becomes of its version.",
    )
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
    not_before = models.DateTimeField(null=True, help_text="Until then it pauses in the queue, after a failed attempt.")
    sent_at = models.DateTimeField(null=True, help_text="When its task was sent to the trainers last.")
    considered_at = models.DateTimeField(null=True, help_text="When its policy decided what becomes of its version.")

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
            models.CheckConstraint(
                condition=Q(time_limit_minutes__isnull=True) | Q(time_limit_minutes__gte=1),
                name="a_time_limit_leaves_some_time",
            ),
            models.CheckConstraint(
                condition=Q(memory_limit_mb__isnull=True) | Q(memory_limit_mb__gte=1),
                name="a_memory_limit_leaves_some_memory",
            ),
        ]
        indexes = [
            models.Index(
                fields=["model", "id"], condition=Q(status__in=["queued", "running"]), name="runs_that_have_not_ended"
            ),
            models.Index(fields=["policy", "-created_at"], name="newest_run_of_a_policy"),
            models.Index(
                fields=["id"],
                condition=Q(status="succeeded", policy__isnull=False, considered_at__isnull=True),
                name="runs_yet_to_be_considered",
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
            self.model.training_runs.give_back(now())
            other = self.model.training_runs.under_way().exclude(pk=self.pk).first()
            if other is not None:
                raise Refused(
                    f"{self.model} is being trained already: run {other.pk} by {other.actor}, {other.folds_done} of "
                    f"{other.folds} folds done, last seen {other.seen_at:%Y-%m-%d %H:%M:%S} UTC; "
                    f"{SILENCE.seconds} s after its last sign of life it counts as dead, and a trainer takes it up",
                    code="already_training",
                    evidence={"run": other.pk, "folds_done": other.folds_done, "folds": other.folds},
                )
            started = now()
            claimed = TrainingRun.objects.ready(started).filter(pk=self.pk)
            won = claimed.update(
                status=self.Status.RUNNING,
                started_at=started,
                seen_at=started,
                attempts=F("attempts") + 1,
                error="",
                not_before=None,
            )
        self.refresh_from_db()
        return bool(won)

    def sign_of_life(self) -> None:
        """Say that its process lives. Raises RunLost."""
        self._as_owner(seen_at=now())

    def progress(self, folds_done: int) -> None:
        """Raises RunLost, so that a cancelled run ends with its fold."""
        walked = folds_done == self.folds_done == self.folds
        said = "fitted on all rows" if walked else f"{folds_done} of {self.folds} folds done"
        self._as_owner(folds_done=folds_done, seen_at=now(), log=_line(said))

    def say(self, sentence: str) -> None:
        """A line of its log, whatever became of it."""
        TrainingRun.objects.filter(pk=self.pk).update(log=_line(sentence))

    def succeed(self, version: ModelVersion) -> None:
        """Raises RunLost; within the transaction that registers the version, so that a lost run leaves none."""
        self._as_owner(status=self.Status.SUCCEEDED, version=version, finished_at=now())

    def considered(self, sentence: str) -> None:
        """Its policy has decided what becomes of its version, and says so."""
        TrainingRun.objects.filter(pk=self.pk).update(considered_at=now(), log=_line(sentence))
        self.refresh_from_db()

    def fail(self, error: str) -> None:
        self._as_owner(status=self.Status.FAILED, error=error, finished_at=now())

    def fail_or_try_again(self, error: str) -> None:
        """What may pass is tried again after a pause, ATTEMPTS times in all."""
        if self.attempts >= ATTEMPTS:
            self.fail(f"{error} (tried {self.attempts} times)")
            return
        later = now() + PAUSES[self.attempts - 1]
        said = _line(f"attempt {self.attempts} failed, the next is at {later:%H:%M:%S}: {error}")
        self._back_to_the_queue(error=error, not_before=later, log=said)

    def give_back(self) -> None:
        """Its trainer is told to stop: another one takes it from the queue."""
        self._back_to_the_queue(log=_line("the trainer was stopped: queued again"))

    def cancel(self) -> None:
        """From the queue at once, under way in some seconds. Raises Refused when it has ended already."""
        waiting = TrainingRun.objects.unended().filter(pk=self.pk)
        if not waiting.update(status=self.Status.CANCELLED, finished_at=now()):
            raise Refused(f"{self} has ended already", code="run_ended")
        self.refresh_from_db()

    def _back_to_the_queue(self, **changes: Any) -> None:
        self._as_owner(status=self.Status.QUEUED, folds_done=0, sent_at=None, **changes)

    def _as_owner(self, **changes: Any) -> None:
        """Change the row as the process that holds this attempt of it; two of them would overwrite each other."""
        mine = TrainingRun.objects.under_way().filter(pk=self.pk, attempts=self.attempts)
        if not mine.update(**changes):
            raise RunLost(f"run {self.pk} was cancelled, or another process has taken it")
        self.refresh_from_db()


def _line(sentence: str) -> Concat:
    """The log with one line more."""
    return Concat("log", Value(f"{now():%Y-%m-%d %H:%M:%S} {sentence}\n"))
