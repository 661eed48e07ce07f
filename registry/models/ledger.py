"""The ledger: what was done to every model's versions, by whom and why, in one order, for good."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NotRequired, Self, TypedDict, Unpack

from django.core.validators import RegexValidator
from django.db import connection, models
from django.db.models import Exists, Max, OuterRef, Q

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused

if TYPE_CHECKING:
    from registry.models.versions import ModelVersion

LEDGER_LOCK = 0x4C454447  # 'LEDG': the key of the one advisory lock under which generations are drawn
ACTOR = r"^(user|key|schedule|command):.+$"


class Who(TypedDict):
    """Whose move it is, why, and in which request; an actor is a label, as ACTOR says."""

    actor: str
    reason: str
    request_id: NotRequired[str]


class DeploymentQuerySet(models.QuerySet["Deployment"]):
    def lock(self) -> None:
        """Wait for the ledger, until the end of the transaction: generations commit in the order of their numbers."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LEDGER_LOCK])

    def known(self, at: datetime | None) -> Self:
        """The rows that had been written at that moment; all of them for None."""
        return self if at is None else self.filter(created_at__lte=at)

    def moves(self) -> Self:
        """The rows that change what answers."""
        return self.filter(kind__in=Deployment.MOVES)

    def newest_move(self) -> Deployment | None:
        """Of one model's rows: the pointer to what answers."""
        return self.moves().select_related("from_version__model", "to_version").order_by("-generation").first()

    def in_force(self, at: datetime | None = None) -> Self:
        """Each model's newest move, as of the moment `at` or now."""
        return self.known(at).moves()._newest_by_model().select_related("model", "to_version")

    def suspensions(self, at: datetime | None = None) -> Self:
        """Of each model that was suspended at the moment `at`, or is now, the row that says so."""
        newest = self.known(at).filter(kind__in=Deployment.SWITCHES)._newest_by_model()
        return self.filter(kind=Deployment.Kind.SUSPEND, pk__in=newest.values("pk"))

    def quarantines(self) -> Self:
        """The rollbacks whose version nobody has lifted from quarantine, or put back, since."""
        freeing = (Deployment.Kind.LIFT, *Deployment.MOVES)
        freed = Deployment.objects.filter(
            to_version=OuterRef("from_version"), generation__gt=OuterRef("generation"), kind__in=freeing
        )
        return self.filter(~Exists(freed), kind=Deployment.Kind.ROLLBACK, from_version__isnull=False)

    def newest_generation(self) -> int:
        newest: int | None = self.aggregate(newest=Max("generation"))["newest"]
        return newest or 0

    def record(
        self,
        version: ModelVersion,
        kind: Deployment.Kind,
        *,
        replaced: ModelVersion | None = None,
        evidence: dict[str, Any] | None = None,
        undoes: Deployment | None = None,
        **who: Unpack[Who],
    ) -> Deployment:
        """Append one row about a version. The caller holds the lock. Raises Refused for an empty reason."""
        if not who["reason"].strip():
            raise Refused("say why: the ledger keeps the reason", code="missing_reason", field="reason")
        return self.create(
            model=version.model,
            kind=kind,
            from_version=replaced,
            to_version=version,
            evidence=evidence or {},
            undoes=undoes,
            **who | {"reason": who["reason"].strip()},
        )

    def _newest_by_model(self) -> Self:
        return self.order_by("model_id", "-generation").distinct("model_id")


class Deployment(models.Model):
    """One row of the ledger. Postgres itself refuses to change or delete it (migration 0002)."""

    class Kind(models.TextChoices):
        PROMOTE = "promote"
        ROLLBACK = "rollback"
        STAGE = "stage"
        ARCHIVE = "archive"
        RESTORE = "restore"
        SUSPEND = "suspend"
        RESUME = "resume"
        LIFT = "lift", "lift the quarantine"
        PURGE = "purge"

    DONE = {
        Kind.PROMOTE: "promoted",
        Kind.ROLLBACK: "rolled back to",
        Kind.STAGE: "staged",
        Kind.ARCHIVE: "archived",
        Kind.RESTORE: "restored",
        Kind.SUSPEND: "suspended the model at",
        Kind.RESUME: "resumed the model at",
        Kind.LIFT: "lifted the quarantine of",
        Kind.PURGE: "purged the files of",
    }
    MOVES = (Kind.PROMOTE, Kind.ROLLBACK)
    SWITCHES = (Kind.SUSPEND, Kind.RESUME)

    generation = models.BigAutoField(primary_key=True)
    model = models.ForeignKey("registry.RegisteredModel", models.PROTECT, related_name="deployments")
    kind = models.CharField(max_length=10, choices=Kind)
    from_version = models.ForeignKey("registry.ModelVersion", models.PROTECT, null=True, related_name="+")
    to_version = models.ForeignKey("registry.ModelVersion", models.PROTECT, related_name="deployments")
    actor = models.CharField(max_length=100, validators=[RegexValidator(ACTOR)])
    reason = models.TextField()
    evidence = models.JSONField(default=dict, help_text="What the gates said when it was decided.")
    undoes = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=now)

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        ordering = ["-generation"]
        verbose_name, verbose_name_plural = "row of the ledger", "rows of the ledger"
        constraints = [
            models.CheckConstraint(condition=Q(actor__regex=ACTOR), name="an_actor_is_a_label"),
            models.CheckConstraint(condition=~Q(reason=""), name="every_deployment_has_a_reason"),
            models.CheckConstraint(
                condition=Q(from_version__isnull=True) | ~Q(from_version=models.F("to_version")),
                name="a_move_changes_what_answers",
            ),
        ]
        indexes = [
            models.Index(
                fields=["model", "-generation"],
                condition=Q(kind__in=["promote", "rollback"]),
                name="newest_move_of_a_model",
            )
        ]

    def __str__(self) -> str:
        return f"{self.generation}: {self.kind} {self.to_version} by {self.actor}"

    @property
    def sentence(self) -> str:
        """Who did what, when and why, for somebody who comes after."""
        done = f"{self.actor} {self.DONE[self.Kind(self.kind)]} version {self.to_version.number}"
        return f"{done} at {self.created_at:%Y-%m-%d %H:%M:%S} UTC, generation {self.generation}: “{self.reason}”"

    @property
    def warnings(self) -> list[str]:
        """What each answer of this deployment must say about itself."""
        failed = {verdict["gate"] for verdict in self.evidence.get("verdicts", []) if verdict["outcome"] != "pass"}
        return ["no_edge_over_baseline"] if "EdgeOverBaseline" in failed else []
