"""What this process answers with: one immutable snapshot of the ledger's pointers, swapped by one reference."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from types import MappingProxyType

import numpy as np
from django.conf import settings
from django.db.models import Q
from numpy.typing import NDArray

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused, Unavailable
from predictions.sessions import Scored, Sessions
from registry.models import Deployment, ModelVersion, Policy, RegisteredModel

logger = logging.getLogger(__name__)
RETRY_SECONDS = 5.0  # between two attempts at a bundle that was refused
NO_POLICY = Policy()


@dataclass(frozen=True)
class ServedVersion:
    """What an answer needs to know of a version; its model lies in `sessions` under the bundle's name."""

    pk: int
    number: int
    bundle: str
    model_id: int
    model: str
    market: str
    horizon: int
    feature_set: str
    feature_names: tuple[str, ...]
    simulated: bool
    learnt_until: datetime | None = None  # what its age counts from; None: written down by an older release
    feature_set_sha256: str = ""  # of the set as it learnt from it; empty: written down by an older release

    @classmethod
    def of(cls, version: ModelVersion) -> ServedVersion:
        return cls(
            pk=version.pk,
            number=version.number,
            bundle=version.bundle,
            model_id=version.model_id,
            model=version.model.name,
            market=version.model.market,
            horizon=version.model.horizon,
            feature_set=version.feature_set,
            feature_names=tuple(version.feature_names),
            simulated=version.simulated,
            learnt_until=version.learnt_until,
            feature_set_sha256=version.feature_set_sha256,
        )


@dataclass(frozen=True)
class Serving:
    """A version and the ledger row by which it answers; None for a trial of a staged one.

    generation: how far the process had read the ledger when it took this up.
    """

    version: ServedVersion
    generation: int
    deployment: int | None
    warnings: tuple[str, ...]
    policy: Policy = NO_POLICY

    def expired(self, at: datetime) -> bool:
        return self.policy.expired(self.version.learnt_until, at=at)

    def silence(self, at: datetime) -> str:
        """Why it gives no answers at that moment for its age, in a sentence; empty where it does."""
        return self.expiry if self.policy.refuses_expired and self.expired(at) else ""

    def check_age(self, at: datetime) -> None:
        """Raises Unavailable where it gives no answers for its age."""
        if reason := self.silence(at):
            raise Unavailable(reason, code="version_expired", field="model")

    @property
    def expiry(self) -> str:
        """For somebody who wonders what to do about it."""
        version, policy = self.version, self.policy
        at = f"{policy.expires_at(version.learnt_until):%Y-%m-%d %H:%M:%S} UTC"
        return (
            f"{version.model} version {version.number} expired at {at}, {policy.max_age_days:g} days after what it "
            "learnt from: train and promote a newer one"
        )


@dataclass(frozen=True)
class Wanted:
    """What is to be served, by the ledger and the policies, or as another process wrote it down; nothing is loaded."""

    generation: int
    default: str | None
    serving: Sequence[Serving]
    suspended: Mapping[str, str]
    policies: Mapping[str, Policy]


@dataclass(frozen=True)
class Snapshot:
    """Everything that this process serves at one generation."""

    generation: int = 0
    default: str | None = None
    serving: Mapping[str, Serving] = field(default_factory=lambda: MappingProxyType({}))
    problems: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    suspended: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # by model, who did it and why
    policies: Mapping[str, Policy] = field(default_factory=lambda: MappingProxyType({}))  # of models that have one

    def check_not_suspended(self, model: str) -> None:
        """Raises Unavailable for a model that is to give no answers."""
        if model in self.suspended:
            raise Unavailable(f"{model} is suspended: {self.suspended[model]}", code="model_suspended", field="model")

    def check_not_silent(self, model: str, *, at: datetime) -> None:
        """Raises Unavailable for a model that is to give no answers, for whatever reason."""
        self.check_not_suspended(model)
        if model in self.serving:
            self.serving[model].check_age(at)


class Engine:
    """Follows the ledger. `refresh` is called by the follower thread and by whoever wants to look now."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self.sessions = Sessions(budget=settings.MODEL_CACHE)
        self._lock = Lock()
        self._retry_at = 0.0

    def refresh(self) -> Snapshot:
        """Look at the ledger, and serve what it says. A version that cannot be loaded leaves the old one answering."""
        with self._lock:
            generation = Deployment.objects.newest_generation()
            default, policies = _beside_the_ledger()
            held = self.snapshot
            retry = held.problems and time.monotonic() >= self._retry_at
            if (generation, default, policies) != (held.generation, held.default, held.policies) or retry:
                self._follow(generation, default, policies)
            return self.snapshot

    def take_up(self, wanted: Wanted) -> None:
        """Serve what another process had written down, where the ledger itself cannot be read."""
        with self._lock:
            self.snapshot = self._snapshot(wanted)

    def serving(self, model: str | None, *, trial: int | None = None) -> Serving:
        """What answers for a model, the default one where none is named, or version `trial` of it.

        Raises Unknown for a name that is not registered, Unavailable where it is suspended, nothing is in production,
        or that has expired and the model then gives no answers.
        """
        found = self._find(model, trial)
        if found.policy.refuses_expired:  # asked here, so that the others do not look at the clock
            found.check_age(now())
        return found

    def _find(self, model: str | None, trial: int | None) -> Serving:
        snapshot = self.snapshot
        name = model if model is not None else snapshot.default
        if name is None:
            raise Unavailable("there is no default model yet: train one and promote it", code="no_production_version")
        snapshot.check_not_suspended(name)
        if trial is not None:
            return self._trial(name, trial)
        if name in snapshot.serving:
            return snapshot.serving[name]
        if name in snapshot.problems:
            raise Unavailable(snapshot.problems[name], code="bundle_refused", field="model")
        registered = RegisteredModel.objects.named(name)
        raise Unavailable(
            f"{registered} has nothing in production: promote a version of it",
            code="no_production_version",
            field="model",
        )

    def scored(self, version: ServedVersion, X: NDArray[np.float32]) -> Scored:
        """X: (m, k) float32, finite. Raises Refused where the bundle cannot be read any more."""
        try:
            return self.sessions.scored(version.bundle, X)
        except Exception as error:
            error.answered_by = (version.model, version.number)  # type: ignore[attr-defined]  # for the error's line
            raise

    def _follow(self, generation: int, default: str | None, policies: Mapping[str, Policy]) -> None:
        known = Deployment.objects.filter(generation__lte=generation)  # one that commits meanwhile is for the next look
        rows = list(known.in_force().select_related("to_version__model", "from_version__model"))
        wanted = [
            Serving(ServedVersion.of(row.to_version), generation, row.generation, tuple(row.warnings)) for row in rows
        ]
        suspended = {row.model.name: row.sentence for row in known.suspensions().select_related("model", "to_version")}
        self.snapshot = self._snapshot(Wanted(generation, default, wanted, suspended, policies))
        staged = ModelVersion.objects.staged()
        replaced = [row.from_version.bundle for row in rows if row.from_version]
        warm = [*replaced, *staged.values_list("bundle", flat=True)]
        self._keep_warm(warm)
        self.sessions.keep_only({*warm, *(held.version.bundle for held in self.snapshot.serving.values())})

    def _snapshot(self, wanted: Wanted) -> Snapshot:
        serving: dict[str, Serving] = {}
        problems: dict[str, str] = {}
        for held in wanted.serving:
            name = held.version.model
            try:
                if not self.sessions.full or self._moved(held):
                    self.sessions.load(held.version.bundle)
                serving[name] = held
            except Refused as refused:
                problems[name] = f"generation {held.deployment} is not served: {refused}"
                logger.error("model %s: %s", name, problems[name])
                if name in self.snapshot.serving:
                    serving[name] = self.snapshot.serving[name]
        self._retry_at = time.monotonic() + RETRY_SECONDS
        policies = dict(wanted.policies)
        ruled = {name: replace(held, policy=policies.get(name, NO_POLICY)) for name, held in serving.items()}
        return Snapshot(
            wanted.generation,
            wanted.default,
            MappingProxyType(ruled),
            MappingProxyType(problems),
            MappingProxyType(dict(wanted.suspended)),
            MappingProxyType(policies),
        )

    def _moved(self, wanted: Serving) -> bool:
        """Whether another version answers until now: one that cannot be loaded must not take its place."""
        held = self.snapshot.serving.get(wanted.version.model)
        return held is not None and held.version.bundle != wanted.version.bundle

    def _keep_warm(self, bundles: Iterable[str]) -> None:
        """Versions that may answer next: a promotion or a rollback then loads nothing."""
        for bundle in bundles:
            if not self.sessions.full:
                try:
                    self.sessions.load(bundle, spare=True)
                except Refused as refused:  # said again, to whoever wants it, when it is wanted
                    logger.warning("bundle %s is not kept warm: %s", bundle[:12], refused)

    def _trial(self, name: str, number: int) -> Serving:
        version = RegisteredModel.objects.named(name).versions.select_related("model").numbered(number)
        if version.stage not in (ModelVersion.Stage.STAGING, ModelVersion.Stage.PRODUCTION):
            raise Refused(
                f"{version} is {version.stage}: only a staged one is tried", code="not_staged", field="version"
            )
        snapshot = self.snapshot
        policy = snapshot.policies.get(name, NO_POLICY)
        return Serving(ServedVersion.of(version), snapshot.generation, None, ("trial",), policy)


def _beside_the_ledger() -> tuple[str | None, dict[str, Policy]]:
    """What no row of the ledger says: which model is the default, and the policies by model."""
    told = RegisteredModel.objects.filter(Q(is_default=True) | Q(answer_policy__isnull=False))
    default, policies = None, {}
    for model in told.select_related("answer_policy"):
        if model.is_default:
            default = model.name
        if hasattr(model, "answer_policy"):
            policies[model.name] = model.answer_policy.policy
    return default, policies


engine = Engine()  # one per process
