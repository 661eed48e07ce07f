"""Model files that people bring along."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from registry.models.ledger import ACTOR
from registry.models.registered import RegisteredModel
from registry.models.versions import ModelVersion

PATIENCE = timedelta(minutes=10)  # under way for longer, an import's worker counts as killed
ATTEMPTS = 3


class ImportLost(Refused):
    """The import was given to another worker: what this one still does for it is in vain."""

    code = "import_lost"


class ModelImportQuerySet(models.QuerySet["ModelImport"]):
    def queued(self) -> Self:
        return self.filter(status=ModelImport.Status.QUEUED)

    def under_way(self) -> Self:
        return self.filter(status=ModelImport.Status.RUNNING)

    def stuck(self, at: datetime) -> Self:
        """Under way by their own word, for too long."""
        return self.under_way().filter(started_at__lt=at - PATIENCE)

    def sweep(self) -> list[int]:
        """Queue again what a killed worker left behind, refuse what was tried too often; what waits in the queue now.

        The caller sends those their tasks again, as TrainingRun's sweep does.
        """
        at = now()
        error = f"its worker was killed, {ATTEMPTS} times in a row: look at the log, and for the memory it needs"
        tired = self.stuck(at).filter(attempts__gte=ATTEMPTS)
        tired.update(status=ModelImport.Status.REFUSED, error=error, code="worker_killed", finished_at=at)
        self.stuck(at).update(status=ModelImport.Status.QUEUED)
        return list(self.queued().order_by("pk").values_list("pk", flat=True))


class ModelImport(models.Model):
    """A file on its way to becoming a version. A worker opens it, no web process does."""

    class Kind(models.TextChoices):
        ONNX = "onnx", "ONNX"
        JOBLIB = "joblib", "joblib (a pickle: only from somebody you trust)"

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        REGISTERED = "registered"
        REFUSED = "refused"

    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="imports")
    kind = models.CharField(max_length=6, choices=Kind)
    upload = models.CharField(max_length=200, help_text="Where the file lies in the bundles' storage until it is done.")
    sha256 = models.CharField(max_length=64)
    claimed = models.JSONField(default=dict, help_text="What its maker says of it; feeds no gate.")
    tags = models.JSONField(default=list)
    trusted = models.BooleanField(default=False, help_text="The operator vouches for it: a pickle can run any code.")
    actor = models.CharField(max_length=100, validators=[RegexValidator(ACTOR)])
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often a worker took it.")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    error = models.TextField(blank=True)
    code = models.CharField(max_length=64, blank=True, help_text="Of the refusal, for programs.")
    version = models.OneToOneField(ModelVersion, models.PROTECT, null=True, related_name="model_import")
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = ModelImportQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind="joblib") | Q(trusted=True), name="a_pickle_is_imported_only_when_trusted"
            ),
            models.CheckConstraint(
                condition=Q(status="registered", version__isnull=False)
                | (~Q(status="registered") & Q(version__isnull=True)),
                name="an_import_that_succeeded_has_a_version",
            ),
        ]

    def __str__(self) -> str:
        return f"import {self.pk} of {self.model}"

    @property
    def ended(self) -> bool:
        return self.status in (self.Status.REGISTERED, self.Status.REFUSED)

    def claim(self) -> bool:
        """Take it from the queue; False when somebody else has."""
        queued = ModelImport.objects.queued().filter(pk=self.pk)
        claimed = queued.update(status=self.Status.RUNNING, started_at=now(), attempts=F("attempts") + 1)
        self.refresh_from_db()
        return bool(claimed)

    def succeed(self, version: ModelVersion) -> None:
        """Raises ImportLost; within the transaction that registers the version, so that a lost import leaves none."""
        if not self._as_owner(status=self.Status.REGISTERED, version=version):
            raise ImportLost(f"{self} took longer than {PATIENCE}, and was given to another worker")

    def refuse(self, error: str, *, code: str = Refused.code) -> None:
        """Keep why; nothing happens where another worker has it by now."""
        self._as_owner(status=self.Status.REFUSED, error=error, code=code)

    def _as_owner(self, **changes: Any) -> bool:
        """End it as the worker that holds this attempt of it; False when that is another one."""
        mine = ModelImport.objects.under_way().filter(pk=self.pk, attempts=self.attempts)
        changed = mine.update(finished_at=now(), **changes)
        self.refresh_from_db()
        return bool(changed)
