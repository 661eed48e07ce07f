"""Which versions exist, and which one answers."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import connection, models, transaction
from django.db.models import Max, Q

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, Refused, Unknown
from registry.bundles import verify_bundle
from registry.gates import judge

LEDGER_LOCK = 0x4C454447  # 'LEDG': the key of the one advisory lock under which generations are drawn
NAME = r"^[a-z0-9][a-z0-9._-]*$"
ROUTES = ("list", "registry", "reload")  # words of the URL under /models/
ACTOR = r"^(user|key|schedule|command):.+$"


class RegisteredModelQuerySet(models.QuerySet["RegisteredModel"]):
    def named(self, name: str) -> RegisteredModel:
        """Raises Unknown, naming the field at fault."""
        try:
            return self.get(name=name.replace("\x00", " "))  # which Postgres cannot store, so no name has it
        except RegisteredModel.DoesNotExist:
            raise Unknown(
                f"no model is called '{name}': GET /models/list names them all", code="unknown_model", field="model"
            ) from None

    def of_market(self, market: str, *, name: str | None = None) -> RegisteredModel:
        """The model `name` of a market, by default the one that bears the market's name; made when it is new.

        Raises Invalid when a model of that name forecasts another market, or the name cannot be one.
        """
        model, _ = self.get_or_create(name=self._checked(name or market), defaults={"market": market})
        if model.market != market:
            raise Invalid(
                f"model {model} forecasts {model.market}, not {market}", code="model_of_another_market", field="model"
            )
        return model

    @staticmethod
    def _checked(name: str) -> str:
        if not re.fullmatch(NAME, name) or name in ROUTES or len(name) > RegisteredModel.NAME_LENGTH:
            raise Invalid(
                f"'{name}' is no name for a model: lower-case letters, digits, '.', '_' and '-', at most "
                f"{RegisteredModel.NAME_LENGTH} of them, and none of {', '.join(ROUTES)}",
                code="invalid_name",
                field="model",
            )
        return name


class RegisteredModel(models.Model):
    """A name that answers for one market and horizon."""

    NAME_LENGTH = 64

    name = models.CharField(max_length=NAME_LENGTH, unique=True, validators=[RegexValidator(NAME)])
    market = models.CharField(max_length=64, help_text="Name of the market it forecasts, such as bitcoin-usd-1d.")
    horizon = models.PositiveSmallIntegerField(
        default=1, help_text="How many candles ahead the direction is asked for."
    )
    is_default = models.BooleanField(default=False, help_text="Answers where a request names no model.")
    created_at = models.DateTimeField(default=now)

    objects = RegisteredModelQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="at_most_one_default_model"
            ),
            models.CheckConstraint(condition=Q(name__regex=NAME), name="a_model_name_is_a_slug"),
            models.CheckConstraint(condition=~Q(name__in=ROUTES), name="no_model_is_named_like_a_route"),
            models.CheckConstraint(condition=Q(horizon__gte=1), name="a_horizon_lies_ahead"),
        ]

    def __str__(self) -> str:
        return self.name

    def generation(self) -> int:
        """The newest ledger row of this model; 0 before the first."""
        newest: int | None = self.deployments.aggregate(newest=Max("generation"))["newest"]
        return newest or 0

    def rollback(self, *, actor: str, reason: str, to: int | None = None) -> Deployment:
        """Put back what the newest move replaced, or version `to`; no gate is asked.

        Raises Refused when nothing was replaced or the version never answered, Unknown for a number that does not
        exist, BundleAltered.
        """
        target = self._rollback_target(to)
        verify_bundle(target.bundle)
        with transaction.atomic():
            Deployment.objects.lock()
            newest = self.deployments.newest_move()
            if to is None and (newest is None or newest.from_version_id != target.pk):
                raise Refused(f"{self} moved in this very moment: look again", code="moved_meanwhile")
            target.refresh_from_db(fields=["stage"])
            if target.stage == ModelVersion.Stage.PRODUCTION:
                raise Refused(f"{target} is in production already", code="already_in_production")
            replaced = self.versions.in_production().archive()
            target.move_to(ModelVersion.Stage.PRODUCTION)
            return Deployment.objects.record(
                target,
                kind=Deployment.Kind.ROLLBACK,
                replaced=replaced,
                actor=actor,
                reason=reason,
                evidence=target.promotion_evidence(),
                undoes=newest,
            )

    def make_default(self) -> None:
        with transaction.atomic():
            RegisteredModel.objects.filter(is_default=True).exclude(pk=self.pk).update(is_default=False)
            self.is_default = True
            self.save(update_fields=["is_default"])

    def _rollback_target(self, to: int | None) -> ModelVersion:
        newest = self.deployments.newest_move()
        if to is not None:
            target = self.versions.numbered(to)
            if not self.deployments.moves().filter(to_version=target).exists():
                raise Refused(
                    f"{target} never answered, so there is no going back to it: promote it", code="never_answered"
                )
            return target
        if newest is None or newest.from_version is None:
            raise Refused(f"{self} has no earlier version to go back to", code="nothing_to_roll_back_to")
        return newest.from_version


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    def in_production(self) -> Self:
        return self.filter(stage=ModelVersion.Stage.PRODUCTION)

    def staged(self) -> Self:
        """Those that may be promoted next, newest first."""
        return self.filter(stage=ModelVersion.Stage.STAGING).order_by("-pk")

    def numbered(self, number: int) -> ModelVersion:
        """Raises Unknown. Asked of one model's versions."""
        version = self.filter(number=number).first()
        if version is None:
            raise Unknown(f"there is no version {number}", code="unknown_version", field="version")
        return version

    def archive(self) -> ModelVersion | None:
        """Archive the one version that this queryset holds, and return it; None where it holds none."""
        version = self.first()
        if version is not None:
            version.move_to(ModelVersion.Stage.ARCHIVED)
        return version

    def register(self, model: RegisteredModel, **facts: Any) -> ModelVersion:
        """Add the model's next version, a candidate. Its bundle must have been written before."""
        with transaction.atomic():
            RegisteredModel.objects.select_for_update().get(pk=model.pk)
            newest: int | None = model.versions.aggregate(newest=Max("number"))["newest"]
            return self.create(model=model, number=(newest or 0) + 1, **facts)


class ModelVersion(models.Model):
    """One immutable bundle of a registered model; only its stage moves, and what people say of it (VersionEdit)."""

    class Stage(models.TextChoices):
        CANDIDATE = "candidate"
        STAGING = "staging"
        PRODUCTION = "production"
        ARCHIVED = "archived"

    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    stage = models.CharField(max_length=10, choices=Stage, default=Stage.CANDIDATE)
    bundle = models.CharField(max_length=64, help_text="sha256 of the bundle's manifest.")
    estimator = models.CharField(max_length=100)
    feature_set = models.CharField(max_length=100)
    feature_set_sha256 = models.CharField(max_length=64)
    signature = models.JSONField(help_text="Feature names, dtypes, units and descriptions, in order.")
    params = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict, help_text="The walk-forward report.")
    data_start = models.DateTimeField(
        null=True, help_text="Open time of the first candle it was trained on; unknown of an imported one."
    )
    data_end = models.DateTimeField(null=True, help_text="Open time of the last candle it was trained on.")
    data_sha256 = models.CharField(max_length=64, blank=True)
    simulated = models.BooleanField(default=False, help_text="Trained on a simulated market.")
    code_revision = models.CharField(max_length=64, blank=True)
    environment = models.JSONField(default=dict, help_text="Interpreter, libraries and machine that fitted it.")
    tags = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    description = models.TextField(blank=True)
    claimed = models.JSONField(default=dict, help_text="What its maker says of it; shown as claimed, feeds no gate.")
    created_by = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=now)

    objects = ModelVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        permissions = [("override_gates", "May promote although a gate does not pass")]
        constraints = [
            models.UniqueConstraint(
                fields=["model"], condition=Q(stage="production"), name="one_production_version_per_model"
            ),
            models.UniqueConstraint(fields=["model", "number"], name="one_version_per_model_and_number"),
            models.CheckConstraint(condition=Q(number__gte=1), name="versions_are_numbered_from_one"),
            models.CheckConstraint(
                condition=Q(stage__in=["candidate", "staging", "production", "archived"]), name="a_stage_is_a_known_one"
            ),
            models.CheckConstraint(
                condition=Q(data_start__lte=models.F("data_end")), name="data_starts_before_it_ends"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model.name} version {self.number}"

    @property
    def feature_names(self) -> list[str]:
        return [feature["name"] for feature in self.signature]

    @property
    def signature_key(self) -> list[tuple[str, str]]:
        """What clients depend on: names, order and types; a better description changes nothing for them."""
        return [(feature["name"], feature["dtype"]) for feature in self.signature]

    def promote(self, *, actor: str, reason: str, override: bool = False) -> Deployment:
        """Put this version into production, archive the one it replaces, and write the ledger rows.

        Raises GateRefused unless every gate passes or `override` is set (it passes gates, never stages), BundleAltered,
        and Refused when the version or its model stands elsewhere by now.
        """
        self.refresh_from_db(fields=["stage"])
        if self.stage == self.Stage.PRODUCTION:
            raise Refused(f"{self} is in production already", code="already_in_production")
        verify_bundle(self.bundle)
        evidence = judge(self, override=override)  # may take long, so before the lock
        with transaction.atomic():
            Deployment.objects.lock()  # one lock for all models: generations commit in order
            self.refresh_from_db(fields=["stage"])  # what we held may be stale
            if evidence.generation != self.model.generation():
                raise Refused(f"{self.model} moved while its gates were judged: look again", code="moved_meanwhile")
            if self.stage == self.Stage.CANDIDATE:
                self.to_staging(actor=actor, reason=reason)  # a ledger row of its own
            if self.stage != self.Stage.STAGING:
                raise Refused(f"{self} is {self.stage}: roll back to it instead", code="not_staged")
            replaced = self.model.versions.in_production().archive()
            self.move_to(self.Stage.PRODUCTION)
            return Deployment.objects.record(
                self,
                kind=Deployment.Kind.PROMOTE,
                replaced=replaced,
                actor=actor,
                reason=reason,
                evidence=evidence.as_json(),
            )

    def to_staging(self, *, actor: str, reason: str) -> Deployment:
        """Make a candidate ready to answer. Raises Refused for any other stage."""
        with transaction.atomic():
            Deployment.objects.lock()
            self.refresh_from_db(fields=["stage"])
            if self.stage != self.Stage.CANDIDATE:
                raise Refused(f"{self} is {self.stage}: only a candidate is staged", code="not_a_candidate")
            self.move_to(self.Stage.STAGING)
            return Deployment.objects.record(self, kind=Deployment.Kind.STAGE, actor=actor, reason=reason)

    def promotion_evidence(self) -> dict[str, Any]:
        """What the gates said when it was last promoted; a rollback puts it back under the same evidence."""
        promoted = self.deployments.filter(kind=Deployment.Kind.PROMOTE).first()
        return promoted.evidence if promoted else {}

    def move_to(self, stage: Stage) -> None:
        """Write the stage alone; only a method that holds the ledger's lock and writes its row calls this."""
        self.stage = stage
        self.save(update_fields=["stage"])


class DeploymentQuerySet(models.QuerySet["Deployment"]):
    def lock(self) -> None:
        """Wait for the ledger, until the end of the transaction: generations commit in the order of their numbers."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LEDGER_LOCK])

    def moves(self) -> Self:
        """The rows that change what answers."""
        return self.filter(kind__in=Deployment.MOVES)

    def newest_move(self) -> Deployment | None:
        """Of one model's rows: the pointer to what answers."""
        return self.moves().select_related("from_version__model", "to_version").order_by("-generation").first()

    def in_force(self, at: datetime | None = None) -> Self:
        """Each model's newest move, as of the moment `at` or now."""
        rows = self.moves() if at is None else self.moves().filter(created_at__lte=at)
        return rows.order_by("model_id", "-generation").distinct("model_id").select_related("model", "to_version")

    def newest_generation(self) -> int:
        newest: int | None = self.aggregate(newest=Max("generation"))["newest"]
        return newest or 0

    def record(
        self,
        version: ModelVersion,
        *,
        kind: Deployment.Kind,
        actor: str,
        reason: str,
        replaced: ModelVersion | None = None,
        evidence: dict[str, Any] | None = None,
        undoes: Deployment | None = None,
    ) -> Deployment:
        """Append one row about a version. The caller holds the lock. Raises Refused for an empty reason."""
        if not reason.strip():
            raise Refused("say why: the ledger keeps the reason", code="missing_reason", field="reason")
        return self.create(
            model=version.model,
            kind=kind,
            from_version=replaced,
            to_version=version,
            actor=actor,
            reason=reason.strip(),
            evidence=evidence or {},
            undoes=undoes,
        )


class Deployment(models.Model):
    """One row of the ledger. Postgres itself refuses to change or delete it (migration 0002)."""

    class Kind(models.TextChoices):
        PROMOTE = "promote"
        ROLLBACK = "rollback"
        STAGE = "stage"
        ARCHIVE = "archive"
        RESTORE = "restore"

    MOVES = (Kind.PROMOTE, Kind.ROLLBACK)

    generation = models.BigAutoField(primary_key=True)
    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="deployments")
    kind = models.CharField(max_length=10, choices=Kind)
    from_version = models.ForeignKey(ModelVersion, models.PROTECT, null=True, related_name="+")
    to_version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="deployments")
    actor = models.CharField(max_length=100, validators=[RegexValidator(ACTOR)])
    reason = models.TextField()
    evidence = models.JSONField(default=dict, help_text="What the gates said when it was decided.")
    undoes = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=now)

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        ordering = ["-generation"]
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
    def warnings(self) -> list[str]:
        """What each answer of this deployment must say about itself."""
        failed = {verdict["gate"] for verdict in self.evidence.get("verdicts", []) if verdict["outcome"] != "pass"}
        return ["no_edge_over_baseline"] if "EdgeOverBaseline" in failed else []
