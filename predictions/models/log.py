"""Answers as they were given."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q

from predictions.ids import first_id_of
from predictions.models.keys import ApiKey
from registry.models import Deployment, ModelVersion, RegisteredModel

NOVEL_INPUT = "novel_input"  # why an answer warns, or is none: the row is too unlike those that the version learnt from


if TYPE_CHECKING:
    _Float = models.FloatField[float | None, float | None]
else:
    _Float = models.FloatField


class RealField(_Float):
    """Four bytes in Postgres: a number of up to six digits comes back as it went in."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "real"


CLOCKS_APART = timedelta(minutes=10)  # of two hosts


class PredictionQuerySet(models.QuerySet["Prediction"]):
    def since(self, moment: datetime) -> Self:
        """By range of the id, so that only the partitions from that moment on are read."""
        return self.filter(id__gte=first_id_of(moment))

    def since_version_of(self, moment: datetime) -> Self:
        """Where all answers of a version that was made then are: none is older than it, by more than clocks differ."""
        return self.since(moment - CLOCKS_APART)

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
    probability_up = models.FloatField(help_text="Of the model; withheld from the client where it abstained.")
    direction = models.CharField(
        max_length=4, choices=Direction, null=True, help_text="None where the model abstained: its row was too novel."
    )
    novelty = RealField(null=True, help_text="1 in 100 of the rows learnt from scores above 1; none where unknown.")
    simulated = models.BooleanField()
    warnings = ArrayField(models.CharField(max_length=64), default=list)
    reference = models.CharField(max_length=64, blank=True, default="", help_text="The client's own text.")

    objects = PredictionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            # Ascending, although read backwards: Postgres fills the pages of a growing range only in that direction.
            models.Index(fields=["model", "id"], name="log_by_model"),
            models.Index(fields=["key", "id"], name="log_by_key"),
            models.Index(fields=["reference", "id"], condition=~Q(reference=""), name="log_by_reference"),
            # The first answer about a close is found without reading the million others about it.
            models.Index(
                fields=["version", "role", "as_of", "id"], condition=Q(as_of__isnull=False), name="log_by_close"
            ),
            # What is rare is found without a walk through all the rest.
            models.Index(fields=["role", "id"], condition=~Q(role="production"), name="log_by_other_role"),
            models.Index(fields=["id"], condition=Q(direction__isnull=True), name="log_of_abstained"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(probability_up__gte=0, probability_up__lte=1), name="a_probability_lies_between_0_and_1"
            ),
            models.CheckConstraint(
                condition=Q(direction__isnull=False) | Q(novelty__isnull=False), name="who_abstains_knows_the_novelty"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def abstained(self) -> str | None:
        """Why there is no answer, as a code."""
        return NOVEL_INPUT if self.direction is None else None

    @property
    def told_probability_up(self) -> float | None:
        """As the client was told; None where the model abstained."""
        return None if self.direction is None else self.probability_up

    @property
    def confidence(self) -> float | None:
        """The probability of the direction that was answered; None where none was."""
        return None if self.direction is None else max(self.probability_up, 1 - self.probability_up)

    @property
    def call(self) -> str:
        """The answer for a reader."""
        return f"{self.direction} {self.confidence:.3f}" if self.direction else "abstained"
