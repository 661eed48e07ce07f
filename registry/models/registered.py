"""The names that answer."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any, Unpack

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Max, Q

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, Refused, Unknown
from registry.gates import SameSignature
from registry.models.ledger import Deployment, Who
from registry.models.versions import ModelVersion

NAME = r"^[a-z0-9][a-z0-9._-]*$"
ROUTES = ("list", "registry", "reload")  # words of the URL under /models/


class MovedMeanwhile(Refused):
    """The model is not where the caller believes it: somebody else was quicker."""

    code = "moved_meanwhile"


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
        model, _ = self.get_or_create(name=self._checked(market if name is None else name), defaults={"market": market})
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

    def clean(self) -> None:
        if self.horizon is not None and self.horizon < 1:
            raise ValidationError({"horizon": "a forecast looks ahead: give 1 candle or more"})

    def generation(self) -> int:
        """The newest ledger row of this model; 0 before the first."""
        newest: int | None = self.deployments.aggregate(newest=Max("generation"))["newest"]
        return newest or 0

    @property
    def suspension(self) -> Deployment | None:
        """The ledger row by which this model gives no answers; None while it does."""
        return self.deployments.suspensions().select_related("to_version").first()

    def expect(self, leaving: int | None) -> None:
        """Raises MovedMeanwhile unless version `leaving` is in production, 0 for none; None expects nothing."""
        newest = self.deployments.newest_move()
        if leaving is not None and leaving != (newest.to_version.number if newest else 0):
            answered = f"version {leaving}" if leaving else "nothing"
            raise self.moved(f"since you looked, when {answered} answered", by=newest)

    def moved(self, when: str, *, by: Deployment | None = None) -> MovedMeanwhile:
        """by: the row that tells; the newest of any kind where absent."""
        newest = by or self.deployments.select_related("to_version").first()
        what = newest.sentence if newest else "nothing answers"
        return MovedMeanwhile(
            f"{self} moved {when}: {what}. Look again",
            evidence=newest and {"generation": newest.generation, "actor": newest.actor, "kind": newest.kind},
        )

    def rollback(
        self,
        *,
        to: int | None = None,
        leaving: int | None = None,
        override: bool = False,
        **who: Unpack[Who],
    ) -> Deployment:
        """Put back what the newest move replaced, or version `to`; no gate is asked and no second person.

        leaving: as in `promote`. override: although the features asked for change. The version that is left is in
        quarantine from then on. Raises MovedMeanwhile, BundleAltered, Unknown for a number that does not exist, and
        Refused where nothing was replaced, the version never answered or asks for other features than production.
        """
        target = self._rollback_target(to)
        target.verify()
        with transaction.atomic():
            Deployment.objects.lock()
            self.expect(leaving)
            newest = self.deployments.newest_move()
            if to is None and (newest is None or newest.from_version_id != target.pk):
                raise self.moved("in this very moment")
            target.refresh_from_db(fields=["stage"])
            if target.stage == ModelVersion.Stage.PRODUCTION:
                raise Refused(f"{target} is in production already", code="already_in_production")
            evidence = self._rollback_evidence(target, override=override)
            replaced = self.versions.in_production().archive()
            target.move_to(ModelVersion.Stage.PRODUCTION)
            return Deployment.objects.record(
                target,
                Deployment.Kind.ROLLBACK,
                replaced=replaced,
                evidence=evidence,
                undoes=newest,
                **who,
            )

    def suspend(self, **who: Unpack[Who]) -> Deployment:
        """Give no answers until `resume`: every request is refused, no forecast is made. Raises Refused."""
        with transaction.atomic():
            Deployment.objects.lock()
            if self.suspension is not None:
                raise Refused(f"{self} is suspended already: {self.suspension.sentence}", code="already_suspended")
            return self._switch(Deployment.Kind.SUSPEND, **who)

    def resume(self, **who: Unpack[Who]) -> Deployment:
        """Answer again. Raises Refused."""
        with transaction.atomic():
            Deployment.objects.lock()
            if self.suspension is None:
                raise Refused(f"{self} is not suspended", code="not_suspended")
            return self._switch(Deployment.Kind.RESUME, **who)

    def make_default(self) -> None:
        with transaction.atomic():
            RegisteredModel.objects.filter(is_default=True).exclude(pk=self.pk).update(is_default=False)
            self.is_default = True
            self.save(update_fields=["is_default"])

    def _switch(self, kind: Deployment.Kind, **who: Unpack[Who]) -> Deployment:
        newest = self.deployments.newest_move()
        if newest is None:
            raise Refused(f"{self} has nothing in production: it gives no answers anyway", code="no_production_version")
        return Deployment.objects.record(newest.to_version, kind, **who)

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

    def _rollback_evidence(self, target: ModelVersion, *, override: bool) -> dict[str, Any]:
        """That of the target's promotion. Raises Refused where its features are not production's, unless overridden."""
        evidence = target.promotion_evidence()
        verdict = SameSignature().judge(target)
        if verdict.outcome == "pass":
            return evidence
        if not override:
            raise Refused(f"{verdict.sentence}: override it if you mean to", code="signature_changed")
        return evidence | {"overridden_at_rollback": asdict(verdict)}
