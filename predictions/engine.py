"""What this process answers with: one immutable snapshot of the ledger's pointers, each with its model in memory."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from types import MappingProxyType

import numpy as np

from cryptoml_site.errors import Refused, Unavailable
from registry.bundles import ONNX, read_file
from registry.models import Deployment, ModelVersion, RegisteredModel
from registry.onnx_model import OnnxClassifier

logger = logging.getLogger(__name__)
RETRY_SECONDS = 5.0  # between two attempts at a bundle that was refused


@dataclass(frozen=True, eq=False)
class LoadedVersion:
    """A version whose bytes were checked and whose model is warm."""

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
    classifier: OnnxClassifier


@dataclass(frozen=True, eq=False)
class Serving:
    """A loaded version and the ledger row by which it answers; None for a trial of a staged one.

    generation: how far the process had read the ledger when it took this up.
    """

    version: LoadedVersion
    generation: int
    deployment: int | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything that this process serves at one generation; swapped by one reference."""

    generation: int = 0
    default: str | None = None
    serving: Mapping[str, Serving] = field(default_factory=lambda: MappingProxyType({}))
    problems: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class Engine:
    """Follows the ledger. `refresh` is called by the follower thread and by whoever wants to look now."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self._loaded: dict[int, LoadedVersion] = {}
        self._classifiers: dict[str, OnnxClassifier] = {}  # by bundle: versions with the same content share one
        self._lock = Lock()
        self._retry_at = 0.0

    def refresh(self) -> Snapshot:
        """Look at the ledger, and serve what it says. A version that cannot be loaded leaves the old one answering."""
        with self._lock:
            generation = Deployment.objects.newest_generation()
            default = RegisteredModel.objects.filter(is_default=True).values_list("name", flat=True).first()
            held = self.snapshot
            retry = held.problems and time.monotonic() >= self._retry_at
            if (generation, default) != (held.generation, held.default) or retry:
                self.snapshot = self._follow(generation, default)
            return self.snapshot

    def serving(self, model: str | None, *, trial: int | None = None) -> Serving:
        """What answers for a model, the default one where none is named, or version `trial` of it.

        Raises Unknown for a name that is not registered, Unavailable where nothing is in production.
        """
        snapshot = self.snapshot
        name = model if model is not None else snapshot.default
        if name is None:
            raise Unavailable("there is no default model yet: train one and promote it", code="no_production_version")
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

    def _follow(self, generation: int, default: str | None) -> Snapshot:
        serving: dict[str, Serving] = {}
        problems: dict[str, str] = {}
        known = Deployment.objects.filter(
            generation__lte=generation
        )  # a move that commits meanwhile is for the next look
        rows = list(known.in_force().select_related("to_version__model", "from_version__model"))
        for row in rows:
            name = row.model.name
            try:
                version = self._load(row.to_version)
                serving[name] = Serving(version, generation, row.generation, tuple(row.warnings))
            except Refused as refused:
                problems[name] = f"generation {row.generation} is not served: {refused}"
                logger.error("model %s: %s", name, problems[name])
                if name in self.snapshot.serving:
                    serving[name] = self.snapshot.serving[name]
        self._keep_warm(row.from_version for row in rows)
        self._forget_all_but([pk for row in rows for pk in (row.to_version_id, row.from_version_id)], serving)
        self._retry_at = time.monotonic() + RETRY_SECONDS
        return Snapshot(generation, default, MappingProxyType(serving), MappingProxyType(problems))

    def _load(self, version: ModelVersion) -> LoadedVersion:
        """From memory, or from its bundle, checked and warmed by one answer."""
        if version.pk not in self._loaded:
            self._loaded[version.pk] = LoadedVersion(
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
                classifier=self._classifier(version.bundle),
            )
        return self._loaded[version.pk]

    def _classifier(self, bundle: str) -> OnnxClassifier:
        if bundle not in self._classifiers:
            classifier = OnnxClassifier.from_bytes(read_file(bundle, ONNX))
            classifier.probability_up(np.zeros((1, classifier.width), np.float32))  # warm before it is asked
            self._classifiers[bundle] = classifier
        return self._classifiers[bundle]

    def _keep_warm(self, versions: Iterable[ModelVersion | None]) -> None:
        """N-1 of each model: a rollback then loads nothing. One that cannot be loaded is said when it is wanted."""
        for version in versions:
            if version is not None:
                try:
                    self._load(version)
                except Refused as refused:
                    logger.warning("%s is not kept warm: %s", version, refused)

    def _forget_all_but(self, wanted: Iterable[int | None], serving: Mapping[str, Serving]) -> None:
        kept = {*wanted, *(held.version.pk for held in serving.values())}
        self._loaded = {pk: held for pk, held in self._loaded.items() if pk in kept}
        bundles = {held.bundle for held in self._loaded.values()}
        self._classifiers = {bundle: held for bundle, held in self._classifiers.items() if bundle in bundles}

    def _trial(self, name: str, number: int) -> Serving:
        version = RegisteredModel.objects.named(name).versions.select_related("model").numbered(number)
        if version.stage not in (ModelVersion.Stage.STAGING, ModelVersion.Stage.PRODUCTION):
            raise Refused(
                f"{version} is {version.stage}: only a staged one is tried", code="not_staged", field="version"
            )
        with self._lock:
            return Serving(self._load(version), self.snapshot.generation, None, ("trial",))


engine = Engine()  # one per process
