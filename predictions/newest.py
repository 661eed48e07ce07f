"""Vectors of stored candles, each computed once per stretch of candles and process.

Every answer is still computed, logged and has its own id: beside a commit, 60 microseconds of model are nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

import numpy as np
from django.db.models import Count, Max, Sum
from numpy.typing import NDArray

from cryptoml_site.errors import Unavailable
from predictions.engine import ServedVersion
from training.datasets import candles_sha256, newest_vector, refuse_suspect
from training.features.feature_set import FeatureSet, feature_set
from training.models import Market
from training.models.market import IS_SUSPECT

MOST = 4_096  # vectors held
Fingerprint = tuple[datetime, int, int | None, datetime | None]  # newest candle; how many, how often revised, when last


@dataclass(frozen=True, slots=True)
class Seen:
    vector: NDArray[np.float32]
    candles_sha256: str


class VectorCache:
    """By market and feature set. One look at the candles' index tells whether they are still those of the vector."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[int, str], tuple[Fingerprint, Seen]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[int, str], fingerprint: Fingerprint) -> Seen | None:
        held = self._held.get(key)
        return held[1] if held is not None and held[0] == fingerprint else None

    def put(self, key: tuple[int, str], fingerprint: Fingerprint, seen: Seen) -> None:
        with self._lock:
            self._held[key] = fingerprint, seen
            self._held.move_to_end(key)
            if len(self._held) > MOST:
                self._held.popitem(last=False)


cache = VectorCache()


def features_of(version: ServedVersion) -> FeatureSet:
    """What the version is to be shown. Raises Unknown where the package of a user's own set is gone, and Unavailable
    where the set means something else than when the version learnt from it."""
    features = feature_set(version.feature_set)
    if version.feature_set_sha256 not in ("", features.sha256):
        raise Unavailable(
            f"{features.name} has changed since {version.model} version {version.number} learnt from it: bring back "
            "what it was, or train and promote a new version",
            code="feature_set_changed",
            field="model",
        )
    return features


def vector_seen(market: Market, features: FeatureSet, seen_until: datetime) -> Seen:
    """Of the candles up to the one that opened at `seen_until`. Raises Refused where their window has a hole, or a
    candle that is suspect: to be asked each time, for a candle is judged when the one after it is there.
    """
    candles = market.candles.ending_at(seen_until, candles=features.window, step=market.step)
    stored = candles.aggregate(
        count=Count("pk"), revisions=Sum("revision"), last=Max("stored_at"), suspect=Count("pk", filter=IS_SUSPECT)
    )
    if stored["suspect"]:
        refuse_suspect(candles.series(interval=int(market.step.total_seconds())), features)
    key, fingerprint = (market.pk, features.name), (seen_until, stored["count"], stored["revisions"], stored["last"])
    seen = cache.get(key, fingerprint)
    if seen is None:
        series = candles.series(interval=int(market.step.total_seconds()))
        vector = newest_vector(series, features, as_of=int(seen_until.timestamp()))
        vector.setflags(write=False)  # it is shared from now on
        seen = Seen(vector, candles_sha256(series))
        cache.put(key, fingerprint, seen)
    return seen
