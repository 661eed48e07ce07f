"""Everything behind one answer: from its id to the model, the candles, the training and the decision that gave it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptoml_site.errors import Unknown
from predictions.models import ApiKey, Prediction
from predictions.outcomes import Given, outcomes_of, was_right
from registry.models import Deployment, ModelImport, ModelVersion, RegisteredModel
from training.datasets import candles_sha256
from training.features.feature_set import FeatureSet, feature_set
from training.models import Market, Outcome, TrainingRun


@dataclass(frozen=True)
class FeatureSetSeen:
    """The features that the version asks for, beside those that the code computes today.

    sha256_now: None where this release has no such feature set.
    """

    name: str
    sha256: str
    sha256_now: str | None

    @property
    def unchanged(self) -> bool:
        return self.sha256 == self.sha256_now


@dataclass(frozen=True)
class CandlesSeen:
    """The window that the vector came from. What depends on its length is None where nobody can tell that any more.

    count: candles of the window. sha256: as answered. sha256_now: of what is stored today.
    """

    market: str
    last_opened_at: datetime
    sha256: str
    count: int | None = None
    first_opened_at: datetime | None = None
    sha256_now: str | None = None

    @property
    def unchanged(self) -> bool | None:
        return None if self.sha256_now is None else self.sha256 == self.sha256_now


@dataclass(frozen=True)
class Data:
    """What the version was trained on; None where nobody knows it, as of an imported one."""

    start: datetime | None
    end: datetime | None
    sha256: str | None
    simulated: bool


@dataclass(frozen=True)
class Lineage:
    """None is 'there is none', or 'it is gone': `missing` says which, in a sentence each."""

    prediction: Prediction
    version: ModelVersion | None
    deployment: Deployment | None
    key: ApiKey | None
    candles: CandlesSeen | None
    outcome: Outcome | None
    client_outcome: Given | None
    missing: tuple[str, ...]

    @property
    def vector(self) -> list[float]:
        return self.prediction.vector

    @property
    def features(self) -> dict[str, float] | None:
        """By name; None where nobody knows the names."""
        if self.version is None or len(self.version.feature_names) != len(self.vector):
            return None
        return dict(zip(self.version.feature_names, self.vector, strict=True))

    @property
    def feature_set(self) -> FeatureSetSeen | None:
        if self.version is None:
            return None
        held = _feature_set(self.version)
        return FeatureSetSeen(self.version.feature_set, self.version.feature_set_sha256, held.sha256 if held else None)

    @property
    def training_run(self) -> TrainingRun | None:
        """None for an imported version."""
        return getattr(self.version, "training_run", None)

    @property
    def model_import(self) -> ModelImport | None:
        """None for a version that was trained here."""
        return getattr(self.version, "model_import", None)

    @property
    def data(self) -> Data | None:
        version = self.version
        if version is None:
            return None
        return Data(version.data_start, version.data_end, version.data_sha256 or None, version.simulated)

    @property
    def code_revision(self) -> str | None:
        """Of the code that fitted or imported the version."""
        return self.version.code_revision or None if self.version else None

    @property
    def environment(self) -> dict[str, Any] | None:
        """Interpreter, libraries and machine that fitted or imported the version."""
        return self.version.environment or None if self.version else None

    @property
    def right(self) -> bool | None:
        """Whether the market went the way that was answered; None while nobody knows."""
        return was_right(self.prediction, self.outcome) if self.outcome else None


def lineage_of(prediction: Prediction) -> Lineage:
    """Six queries beside the prediction's own: version, deployment, key, outcome, market and candles.

    Where the client sent the features, what it said of the outcome in place of the last two.
    """
    version = _version(prediction)
    deployment = Deployment.objects.filter(pk=prediction.deployment_id).first() if prediction.deployment_id else None
    key = ApiKey.objects.filter(pk=prediction.key_id).first() if prediction.key_id else None
    market = Market.objects.filter(name=prediction.market).first() if prediction.market else None
    gone = _gone(prediction, version=version, deployment=deployment, key=key, market=market)
    return Lineage(
        prediction=prediction,
        version=version,
        deployment=deployment,
        key=key,
        candles=_candles(prediction, version, market),
        outcome=outcomes_of([prediction]).get(prediction.id),
        client_outcome=Given.of(prediction),
        missing=(*gone, *(_unknown(prediction, version) if version else ())),
    )


def _version(prediction: Prediction) -> ModelVersion | None:
    """With its run or its import. No foreign key of the log is held by Postgres: it may be gone."""
    versions = ModelVersion.objects.select_related("model", "training_run", "model_import")
    version = versions.filter(pk=prediction.version_id).first()
    if version is not None:
        prediction.version, prediction.model = version, version.model  # spare whoever asks for them the query
    return version


def _candles(prediction: Prediction, version: ModelVersion | None, market: Market | None) -> CandlesSeen | None:
    if not prediction.market or prediction.as_of is None:
        return None
    answered = CandlesSeen(prediction.market, prediction.as_of, prediction.candles_sha256)
    features = _window(version) if version else None
    if market is None or features is None:
        return answered
    stored = market.candles.ending_at(prediction.as_of, candles=features.window, step=market.step)
    return CandlesSeen(
        market=prediction.market,
        last_opened_at=prediction.as_of,
        sha256=prediction.candles_sha256,
        count=features.window,
        first_opened_at=prediction.as_of - (features.window - 1) * market.step,
        sha256_now=candles_sha256(stored.series(interval=int(market.step.total_seconds()))),
    )


def _window(version: ModelVersion) -> FeatureSet | None:
    """The version's feature set, where it is still the one whose window was read."""
    features = _feature_set(version)
    return features if features and features.sha256 == version.feature_set_sha256 else None


def _feature_set(version: ModelVersion) -> FeatureSet | None:
    try:
        return feature_set(version.feature_set)
    except Unknown:
        return None


def _gone(
    prediction: Prediction,
    *,
    version: ModelVersion | None,
    deployment: Deployment | None,
    key: ApiKey | None,
    market: Market | None,
) -> Iterator[str]:
    """What the log points to and the database does not hold any more."""
    if version is None:
        yield f"version {prediction.version_id} (by primary key) is gone, and what is known of it with it"
        if not RegisteredModel.objects.filter(pk=prediction.model_id).exists():
            yield f"model {prediction.model_id} (by primary key) is gone"
    if deployment is None and prediction.deployment_id is not None:
        yield f"deployment {prediction.deployment_id} is gone"
    if key is None and prediction.key_id is not None:
        yield f"API key {prediction.key_id} (by primary key) is gone"
    if market is None and prediction.market:
        yield f"market {prediction.market} is gone, its candles with it"


def _unknown(prediction: Prediction, version: ModelVersion) -> Iterator[str]:
    """What nobody knows, or can tell any more, although the version is there."""
    if prediction.market and _window(version) is None:
        yield f"feature set {version.feature_set} is not the one of then: which candles it read cannot be told"
    if hasattr(version, "model_import"):
        yield f"{version} was imported: nobody here knows what it was trained on"
    elif not hasattr(version, "training_run"):
        yield f"neither a training run nor an import of {version} is held"
    if version.purged_at is not None:
        yield f"the files of {version} were purged at {version.purged_at:%Y-%m-%d %H:%M} UTC"
