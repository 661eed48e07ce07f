"""Answers: each one durable, traceable to what gave it, and bound to who asked."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Self
from uuid import uuid4

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from cryptoml_site.clock import now
from predictions.ids import first_id_of
from registry.models import Deployment, ModelVersion, RegisteredModel


class Scope(models.TextChoices):
    """What a key may do."""

    PREDICT = "predict", "ask for answers"
    PREDICTIONS_READ = "predictions:read", "read its own answers"
    PREDICTIONS_READ_ALL = "predictions:read_all", "read everybody's answers"
    METRICS_READ = "metrics:read", "read metrics and reports"
    REGISTRY_READ = "registry:read", "read versions, deployments and markets"
    REGISTRY_WRITE = "registry:write", "promote and roll back"
    DRIFT_WRITE = "drift:write", "run a drift check"


def check_scopes(scopes: Iterable[str]) -> None:
    """Raise ValidationError for a scope that does not exist."""
    strangers = sorted(set(scopes) - set(Scope.values))
    if strangers:
        raise ValidationError(f"no such scope: {', '.join(strangers)}; there are {', '.join(Scope.values)}")


class ApiKeyManager(models.Manager["ApiKey"]):
    def issue(
        self,
        *,
        name: str,
        scopes: Iterable[str],
        created_by: str,
        expires_at: datetime | None = None,
        rate_limit: int | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key and its secret, which is shown once and stored nowhere: only its hash is.

        Raises ValidationError for an unknown scope.
        """
        chosen = sorted(scopes)
        check_scopes(chosen)
        prefix = secrets.token_hex(ApiKey.PREFIX_LENGTH // 2)
        secret = f"{prefix}.{secrets.token_urlsafe(32)}"
        key = self.create(
            name=name,
            prefix=prefix,
            secret_sha256=ApiKey.digest(secret),
            scopes=chosen,
            created_by=created_by,
            expires_at=expires_at,
            rate_limit=rate_limit,
        )
        return key, secret


class ApiKey(models.Model):
    """A program's way in. The secret has 256 random bits, so one round of sha256 hides it well enough."""

    PREFIX_LENGTH = 8

    name = models.CharField(max_length=100)
    prefix = models.CharField(
        max_length=PREFIX_LENGTH, unique=True, help_text="First part of the secret; names the key."
    )
    secret_sha256 = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=32, choices=Scope), default=list)
    rate_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Requests per minute; empty: the default."
    )
    created_by = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyManager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(condition=Q(scopes__contained_by=Scope.values), name="a_key_has_known_scopes_only"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    @staticmethod
    def digest(secret: str) -> str:
        return sha256(secret.encode()).hexdigest()

    @property
    def label(self) -> str:
        """The key as an actor."""
        return f"key:{self.prefix}"

    def matches(self, secret: str) -> bool:
        """Compared in constant time."""
        return secrets.compare_digest(self.secret_sha256, self.digest(secret))

    def revoke(self) -> None:
        """Shut the key for good; a second time changes nothing."""
        if self.revoked_at is None:
            self.revoked_at = now()
            self.save(update_fields=["revoked_at"])


class PredictionQuerySet(models.QuerySet["Prediction"]):
    def since(self, moment: datetime) -> Self:
        """By range of the id, so that only the partitions from that moment on are read."""
        return self.filter(id__gte=first_id_of(moment))

    def of_key(self, key: ApiKey) -> Self:
        return self.filter(key=key)


class Prediction(models.Model):
    """One answer as it was given. Partitioned by month; rows are inserted and dropped by partition, never changed.

    No foreign key here is held by Postgres: an insert locks no other row, and the log outlives what it points to.
    """

    class Role(models.TextChoices):
        PRODUCTION = "production"
        TRIAL = "trial", "a staged version, asked for by number"
        SHADOW = "shadow"
        ARM = "arm", "an arm of an experiment"

    class Direction(models.TextChoices):
        UP = "up"
        DOWN = "down"

    id = models.UUIDField(primary_key=True, editable=False)
    made_at = models.DateTimeField()
    model = models.ForeignKey(
        RegisteredModel, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="predictions"
    )
    version = models.ForeignKey(ModelVersion, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    deployment = models.ForeignKey(
        Deployment, models.DO_NOTHING, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    generation = models.BigIntegerField(help_text="What the process that answered had seen of the ledger.")
    role = models.CharField(max_length=10, choices=Role)
    actor = models.CharField(max_length=100)
    key = models.ForeignKey(ApiKey, models.DO_NOTHING, db_constraint=False, db_index=False, null=True, related_name="+")
    market = models.CharField(max_length=64, blank=True, help_text="Empty where the client sent the features.")
    horizon = models.PositiveSmallIntegerField()
    as_of = models.DateTimeField(null=True)
    target_at = models.DateTimeField(null=True, help_text="When the target candle closes.")
    candles_sha256 = models.CharField(max_length=64, blank=True, help_text="Of the candles that the vector came from.")
    vector = ArrayField(models.FloatField(), help_text="As the model saw it: each value is exact in its own dtype.")
    probability_up = models.FloatField()
    direction = models.CharField(max_length=4, choices=Direction)
    simulated = models.BooleanField()
    warnings = ArrayField(models.CharField(max_length=64), default=list)

    objects = PredictionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["model", "-id"], name="predictions_by_model"),
            models.Index(fields=["key", "-id"], name="predictions_by_key"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(probability_up__gte=0, probability_up__lte=1), name="a_probability_lies_between_0_and_1"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def confidence(self) -> float:
        """The probability of the direction that was answered."""
        return max(self.probability_up, 1 - self.probability_up)


class Forecast(models.Model):
    """The schedule's claim on one close of one model, inserted in its prediction's transaction."""

    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="forecasts")
    as_of = models.DateTimeField()
    prediction_id = models.UUIDField()
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["-as_of"]
        constraints = [models.UniqueConstraint(fields=["model", "as_of"], name="one_forecast_per_model_and_close")]

    def __str__(self) -> str:
        return f"{self.model.name} as of {self.as_of:%Y-%m-%d %H:%M}"


class MissedForecast(models.Model):
    """A stretch of closes for which no forecast was made in time, and why. None is made afterwards: it would be no
    evidence."""

    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="missed_forecasts")
    first_as_of = models.DateTimeField()
    last_as_of = models.DateTimeField()
    closes = models.PositiveIntegerField(help_text="How many closes lie in the stretch.")
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["-first_as_of"]
        constraints = [
            models.UniqueConstraint(fields=["model", "first_as_of"], name="a_missed_close_is_said_once"),
            models.CheckConstraint(condition=Q(first_as_of__lte=models.F("last_as_of")), name="a_stretch_has_a_length"),
        ]

    def __str__(self) -> str:
        return f"{self.model.name}: {self.closes} closes from {self.first_as_of:%Y-%m-%d %H:%M}"


class WebProcessQuerySet(models.QuerySet["WebProcess"]):
    def alive(self, at: datetime) -> Self:
        return self.filter(seen_at__gte=at - WebProcess.SILENCE)


class WebProcess(models.Model):
    """The heartbeat of one web process: what it serves, and what it still has to hand in."""

    SILENCE = timedelta(seconds=10)  # after which a process counts as gone

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    generation = models.BigIntegerField(default=0, help_text="The newest ledger row that it serves.")
    problems = models.JSONField(default=dict, help_text="Model name to the reason why its newest move is not served.")
    spool_rows = models.PositiveIntegerField(default=0, help_text="Answers waiting on its disk for Postgres.")
    started_at = models.DateTimeField(default=now)
    seen_at = models.DateTimeField(default=now, db_index=True)

    objects = WebProcessQuerySet.as_manager()

    class Meta:
        ordering = ["host", "pid"]
        verbose_name_plural = "web processes"

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"
