"""Answers computed again: from the stored vector by the archived bundle, and from the candles that are stored now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import numpy as np
from django.conf import settings

from cryptoml_site.errors import Refused
from predictions.forecasting import ASKER
from predictions.from_candles import Asked, FromCandles, FromCandlesClass, Windows, from_candles
from predictions.ids import first_id_of
from predictions.models import Prediction, PredictionQuerySet
from predictions.sessions import Scored, Sessions
from registry.models import ModelVersion
from training.datasets import Vectors
from training.evaluation.metrics import called_up
from training.evaluation.novelty import DIGITS

TOLERANCE = 1e-6  # of class B
LAST_DIGIT = 10.0**-DIGITS  # of a novelty, which rounding may turn where a row of a batch is scored alone
CHUNK = 1_000  # answers in memory at a time
MILLISECOND = timedelta(milliseconds=1)  # as fine as an id tells the moment
NEEDED = ("number", "bundle", "feature_set", "feature_set_sha256", "signature", "purged_at", "model__name")


class ReplayClass(StrEnum):
    """As it is counted. B is for rows of a batch: some kernels add in another order when they have more rows."""

    A = "A, the same bits"
    B = "B, within 1e-6, a row of a batch"
    B_ALONE = "B, within 1e-6, although asked alone"
    IMPOSSIBLE = "cannot be replayed"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Replay:
    """One answer, computed again.

    again: by the archived bundle from the stored vector, alone; None where that cannot be. candles: class C, None where
    the client sent the features. from_candles_now: what the version would answer to the candles as they are now, where
    they give another vector.
    """

    prediction: Prediction
    kind: ReplayClass
    sentence: str
    again: float | None = None
    candles: FromCandles | None = None
    from_candles_now: float | None = None

    @property
    def unexplained(self) -> bool:
        by_candles = self.candles is not None and self.candles.kind == FromCandlesClass.UNEXPLAINED
        return self.kind == ReplayClass.UNEXPLAINED or by_candles


class Replayer:
    """Has sessions of its own, each loaded once and its bytes checked: what serves is neither asked nor disturbed."""

    def __init__(self) -> None:
        self._sessions = Sessions(budget=settings.MODEL_CACHE)
        self._windows = Windows()
        self._versions: dict[int, ModelVersion] = {}
        self._refused: dict[str, str] = {}  # by bundle: one that cannot be read is tried once

    def replay(self, prediction: Prediction) -> Replay:
        return next(self.replay_all([prediction]))

    def replay_all(self, predictions: Iterable[Prediction]) -> Iterator[Replay]:
        """Bundle by bundle, so in another order than given."""
        rows = list(predictions)
        self._look_up({row.version_id for row in rows})
        self._windows.read_ahead(self._asked_of_candles(rows))
        for row in sorted(rows, key=lambda row: (self._bundle(row), row.id)):
            yield self._replay(row)
        self._windows.forget()

    def _look_up(self, versions: set[int]) -> None:
        wanted = versions - self._versions.keys()
        found = ModelVersion.objects.filter(pk__in=wanted).select_related("model").only(*NEEDED) if wanted else ()
        self._versions |= {version.pk: version for version in found}

    def _bundle(self, prediction: Prediction) -> str:
        version = self._versions.get(prediction.version_id)
        return version.bundle if version else ""

    def _asked_of_candles(self, rows: Iterable[Prediction]) -> Iterator[Asked]:
        for row in rows:
            if row.market and row.as_of is not None and row.version_id in self._versions:
                yield row.market, self._versions[row.version_id].feature_set, row.as_of

    def _replay(self, prediction: Prediction) -> Replay:
        version = self._versions.get(prediction.version_id)
        if version is None:
            sentence = f"cannot be replayed: version {prediction.version_id} (by primary key) is gone"
            return Replay(prediction, ReplayClass.IMPOSSIBLE, sentence)
        candles = None
        try:
            vector = stored_vector(prediction, version)
            candles = from_candles(prediction, vector, version, self._windows)
            again = self._scored(version, vector)
            changed = candles.vector if candles else None
            now = None if changed is None else float(self._scored(version, changed).probability_up[0])
        except Refused as refused:
            sentence = f"cannot be replayed: {refused}"
            return Replay(prediction, ReplayClass.IMPOSSIBLE, sentence, candles=candles)
        probability_up, novelty = float(again.probability_up[0]), again.novelty[0] if again.novelty else None
        kind, sentence = judged(prediction, probability_up, novelty=novelty)
        return Replay(prediction, kind, sentence, probability_up, candles, now)

    def _scored(self, version: ModelVersion, vector: Vectors) -> Scored:
        """Of the vector alone. Raises Refused where the bundle cannot be read, or gives no probability."""
        self._load(version)
        return self._sessions.scored(version.bundle, vector[np.newaxis, :])

    def _load(self, version: ModelVersion) -> None:
        if version.bundle not in self._refused:
            try:
                self._sessions.load(version.bundle)
                return
            except Refused as refused:
                self._refused[version.bundle] = (
                    f"the files of {version} were purged at {version.purged_at:%Y-%m-%d %H:%M} UTC"
                    if version.purged_at
                    else str(refused)
                )
        raise Refused(self._refused[version.bundle])


def replay(prediction: Prediction) -> Replay:
    return Replayer().replay(prediction)


def replay_log(rows: PredictionQuerySet, *, newest: int | None = None) -> Iterator[Replay]:
    """The newest answers of the queryset, all of them for None, a chunk in memory at a time."""
    replayer = Replayer()
    for chunk in chunks(rows, newest=newest):
        yield from replayer.replay_all(chunk)


def chunks(rows: PredictionQuerySet, *, newest: int | None) -> Iterator[list[Prediction]]:
    """Newest first, each by a short query on the primary key."""
    left, page = newest, rows.order_by("-id")
    while left is None or left > 0:
        chunk = list(page[: CHUNK if left is None else min(CHUNK, left)])
        if not chunk:
            return
        yield chunk
        left = left if left is None else left - len(chunk)
        page = rows.filter(id__lt=chunk[-1].id).order_by("-id")


def stored_vector(prediction: Prediction, version: ModelVersion) -> Vectors:
    """(k,) float32. Raises Refused for one that the version cannot have seen."""
    if len(prediction.vector) != len(version.signature):
        raise Refused(f"{version} asks for {len(version.signature)} features, logged are {len(prediction.vector)}")
    vector = np.array(prediction.vector, np.float64)
    with np.errstate(over="ignore"):
        cast = vector.astype(np.float32)
    if not np.array_equal(cast.astype(np.float64), vector):
        raise Refused("the logged vector holds a number that no float32 is: it is not the one that the model saw")
    return cast


def judged(prediction: Prediction, again: float, *, novelty: float | None = None) -> tuple[ReplayClass, str]:
    """What the log says, held against the answer and its novelty computed again; and that in words.

    What was withheld by a model that abstained is logged too, and held against in the same way.
    """
    logged, scored = prediction.probability_up, prediction.novelty
    if prediction.direction and bool(called_up(logged)) != (prediction.direction == Prediction.Direction.UP):
        return ReplayClass.UNEXPLAINED, f"the log says {prediction.direction}, of a probability of {logged!r}"
    if scored is not None and novelty is not None and abs(novelty - scored) > 1.5 * LAST_DIGIT:
        return ReplayClass.UNEXPLAINED, f"a novelty of {scored!r} was told, {novelty!r} is computed again"
    done = "was answered" if prediction.direction else "was withheld"
    if again == logged:
        return ReplayClass.A, f"{logged!r} {done}, and is computed again"
    difference = abs(again - logged)
    said = f"{logged!r} {done}, {again!r} is computed again"
    if not difference <= TOLERANCE:  # NaN is not
        return ReplayClass.UNEXPLAINED, said
    rows = rows_asked_together(prediction)
    if rows == 1:
        return ReplayClass.B_ALONE, f"{said}: {difference:.1e} apart, although nothing was asked with it"
    return ReplayClass.B, f"{said}: {difference:.1e} apart, as a row of a batch{f' of {rows}' if rows else ''} may be"


def rows_asked_together(prediction: Prediction) -> int | None:
    """How many answers one call of the model gave, as far as the log tells; None where it does not.

    Rows of a batch share their moment; the schedule asks once for all models of a bundle, and logs a moment for each.
    """
    if prediction.actor == ASKER.label:
        return None
    if prediction.market:
        return 1
    moment = prediction.made_at
    together = Prediction.objects.filter(id__gte=first_id_of(moment), id__lt=first_id_of(moment + MILLISECOND))
    return together.filter(version=prediction.version_id, actor=prediction.actor, market="").count()
