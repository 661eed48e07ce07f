"""Which versions exist, and what is known of each."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, Unpack

from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import Max, Q

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused, Unknown
from registry.actors import is_person, is_schedule
from registry.bundles import delete_bundle, verify_bundle
from registry.gates import judge
from registry.models.ledger import Deployment, Who
from registry.purging import check_purgeable

if TYPE_CHECKING:
    from registry.models.registered import RegisteredModel


class Quarantined(Refused):
    """A version was rolled back from, and no person has said since that it may answer again."""

    code = "quarantined"


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    def in_production(self) -> Self:
        return self.filter(stage=ModelVersion.Stage.PRODUCTION)

    def staged(self) -> Self:
        """Those that may be promoted next, newest first."""
        return self.filter(stage=ModelVersion.Stage.STAGING).order_by("-pk")

    def quarantined(self) -> Self:
        """Those that were rolled back from, until a person lifts it."""
        return self.filter(pk__in=Deployment.objects.quarantines().values("from_version"))

    def answered(self) -> Self:
        """Those that were once in production."""
        return self.filter(pk__in=Deployment.objects.moves().values("to_version"))

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
            type(model).objects.select_for_update().get(pk=model.pk)
            newest: int | None = model.versions.aggregate(newest=Max("number"))["newest"]
            return self.create(model=model, number=(newest or 0) + 1, **facts)


class ModelVersion(models.Model):
    """One immutable bundle of a registered model; only its stage moves, and what people say of it (VersionEdit)."""

    class Stage(models.TextChoices):
        CANDIDATE = "candidate"
        STAGING = "staging"
        PRODUCTION = "production"
        ARCHIVED = "archived"

    model = models.ForeignKey("registry.RegisteredModel", models.PROTECT, related_name="versions")
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
    purged_at = models.DateTimeField(null=True, editable=False, help_text="When its files were deleted.")

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

    @property
    def learnt_until(self) -> datetime:
        """What its age counts from: the newest candle it learnt from; where nobody knows that, its registration."""
        return self.data_end or self.created_at

    @property
    def quarantined(self) -> bool:
        return ModelVersion.objects.quarantined().filter(pk=self.pk).exists()

    def verify(self) -> None:
        """Read every file of its bundle. Raises BundleAltered, Refused where they were purged."""
        if self.purged_at is not None:
            raise Refused(f"the files of {self} were purged: train it anew", code="purged")
        verify_bundle(self.bundle)

    def promote(self, *, override: bool = False, leaving: int | None = None, **who: Unpack[Who]) -> Deployment:
        """Put this version into production, archive the one it replaces, and write the ledger rows.

        leaving: number of the version that the caller believes in production, 0 for none; None believes nothing.
        Raises GateRefused unless every gate passes or `override` is set (it passes gates, never stages or quarantine),
        BundleAltered, and Refused when the version or its model stands elsewhere by now.
        """
        self.check_promotable(who["actor"], leaving)
        evidence = judge(self, override=override)  # may take long, so before the lock
        with transaction.atomic():
            Deployment.objects.lock()  # one lock for all models: generations commit in order
            self._refuse_promotion(who["actor"], leaving)  # what was so before may be stale
            if evidence.generation != self.model.generation():
                raise self.model.moved("while its gates were judged")
            if self.stage == self.Stage.CANDIDATE:
                self.to_staging(**who)  # a ledger row of its own
            replaced = self.model.versions.in_production().archive()
            self.move_to(self.Stage.PRODUCTION)
            return Deployment.objects.record(
                self, Deployment.Kind.PROMOTE, replaced=replaced, evidence=evidence.as_json(), **who
            )

    def check_promotable(self, actor: str, leaving: int | None = None) -> None:
        """Raises what `promote` would, whatever its gates say."""
        self._refuse_promotion(actor, leaving)
        self.verify()

    def to_staging(self, **who: Unpack[Who]) -> Deployment:
        """Make a candidate ready to answer. Raises Refused for any other stage."""
        return self._step(Deployment.Kind.STAGE, among=(self.Stage.CANDIDATE,), to=self.Stage.STAGING, **who)

    def to_archive(self, **who: Unpack[Who]) -> Deployment:
        """Put away what will not be promoted. Raises Refused for what answers, or is archived already."""
        among = (self.Stage.CANDIDATE, self.Stage.STAGING)
        return self._step(Deployment.Kind.ARCHIVE, among=among, to=self.Stage.ARCHIVED, **who)

    def restore(self, **who: Unpack[Who]) -> Deployment:
        """Make an archived version a candidate again: its gates are asked anew when it is promoted. Raises Refused."""
        self.verify()
        return self._step(Deployment.Kind.RESTORE, among=(self.Stage.ARCHIVED,), to=self.Stage.CANDIDATE, **who)

    def lift_quarantine(self, **who: Unpack[Who]) -> Deployment:
        """Let a version that was rolled back from be promoted again. Raises Refused unless a person does it."""
        if not is_person(who["actor"]):
            raise Refused(f"{who['actor']} is no person, and only a person lifts a quarantine", code="needs_a_person")
        with transaction.atomic():
            Deployment.objects.lock()
            if not self.quarantined:
                raise Refused(f"{self} is not in quarantine", code="not_quarantined")
            return Deployment.objects.record(self, Deployment.Kind.LIFT, **who)

    def purge(self, **who: Unpack[Who]) -> Deployment:
        """Delete its files for good; what is known of it stays. Raises Refused where they may be needed yet."""
        with transaction.atomic():
            Deployment.objects.lock()
            self.refresh_from_db(fields=["stage", "purged_at"])
            check_purgeable(self)
            self.purged_at = now()
            self.save(update_fields=["purged_at"])
            purged = Deployment.objects.record(self, Deployment.Kind.PURGE, **who)
        if not ModelVersion.objects.filter(bundle=self.bundle, purged_at=None).exists():  # two may share its content
            delete_bundle(self.bundle)
        return purged

    def promotion_evidence(self) -> dict[str, Any]:
        """What the gates said when it was last promoted; a rollback puts it back under the same evidence."""
        promoted = self.deployments.filter(kind=Deployment.Kind.PROMOTE).first()
        return promoted.evidence if promoted else {}

    def move_to(self, stage: Stage) -> None:
        """Write the stage alone; only a method that holds the ledger's lock and writes its row calls this."""
        self.stage = stage
        self.save(update_fields=["stage"])

    def _step(self, kind: Deployment.Kind, *, among: tuple[Stage, ...], to: Stage, **who: Unpack[Who]) -> Deployment:
        """From one of the stages `among` to another, with a ledger row. Raises Refused where it stands elsewhere."""
        with transaction.atomic():
            Deployment.objects.lock()
            self.refresh_from_db(fields=["stage"])
            if self.stage not in among:
                raise Refused(
                    f"{self} is {self.stage}: '{kind}' is for versions that are {' or '.join(among)}",
                    code=f"cannot_{kind}",
                )
            self.move_to(to)
            return Deployment.objects.record(self, kind, **who)

    def _refuse_promotion(self, actor: str, leaving: int | None) -> None:
        """Raises Refused unless model and version stand where this actor may promote it."""
        self.model.expect(leaving)
        self.refresh_from_db(fields=["stage"])
        if self.stage == self.Stage.PRODUCTION:
            raise Refused(f"{self} is in production already", code="already_in_production")
        for rollback in self.model.deployments.quarantines().select_related("to_version", "from_version__model"):
            if rollback.from_version_id == self.pk or is_schedule(actor):
                raise Quarantined(
                    f"{rollback.from_version} is in quarantine: {rollback.sentence}. A person must lift it first"
                )
        if self.stage == self.Stage.ARCHIVED:
            raise Refused(f"{self} is archived: roll back to it instead, or restore it", code="archived")
