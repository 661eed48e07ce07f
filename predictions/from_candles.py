"""Class C: the vector behind an answer computed again from the candles that are stored now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

import numpy as np

from cryptoml_site.errors import Refused, Unknown
from predictions.models import Prediction
from registry.models import ModelVersion
from training.candle_history import RevisedCandle, before_revisions
from training.datasets import Vectors, candles_sha256, newest_vector, newest_vectors
from training.features.feature_set import FeatureSet, feature_set
from training.models import Market
from training.series import CandleSeries


class FromCandlesClass(StrEnum):
    """As it is counted."""

    SAME = "C, the same features"
    REVISED = "C, candles revised since"
    OTHER_FEATURE_SET = "C, another feature set by now"
    IMPOSSIBLE = "C, cannot be computed again"
    UNEXPLAINED = "C, unexplained"


@dataclass(frozen=True)
class Difference:
    """A feature whose bits are others now."""

    name: str
    then: float
    now: float

    def __str__(self) -> str:
        return f"{self.name} {self.then!r} then, {self.now!r} now"


@dataclass(frozen=True)
class FromCandles:
    """revised: the candles that say something else now. vector: as computed now, where it differs."""

    kind: FromCandlesClass
    sentence: str
    differences: tuple[Difference, ...] = ()
    revised: tuple[RevisedCandle, ...] = ()
    vector: Vectors | None = None


@dataclass(frozen=True, eq=False)
class Window:
    """What a feature set reads as of a moment, as stored now. vector: None where it is refused, for `refusal`."""

    market: Market
    features: FeatureSet
    series: CandleSeries
    sha256: str
    vector: Vectors | None
    refusal: str


Asked = tuple[str, str, datetime]  # names of a market and of a feature set, as_of


class Windows:
    """Each read once until `forget`, however many answers came from it."""

    def __init__(self) -> None:
        self._markets: dict[str, Market] = {}
        self._read: dict[Asked, Window] = {}

    def read_ahead(self, asked: Iterable[Asked]) -> None:
        """The windows of many answers by a few queries: to the bit those that `of` reads one by one.

        What is refused, or stands alone, is left to `of`.
        """
        moments: dict[tuple[str, str], set[datetime]] = defaultdict(set)
        for market_name, feature_set_name, as_of in asked:
            moments[market_name, feature_set_name].add(as_of)
        for (market_name, feature_set_name), wanted in moments.items():
            with suppress(Unknown):
                market, features = self._market(market_name), feature_set(feature_set_name)
                for stretch in _stretches(sorted(wanted), longest_step=features.window * market.step):
                    for as_of, window in _read_stretch(market, features, stretch):
                        self._read[market_name, feature_set_name, as_of] = window

    def of(self, market_name: str, feature_set_name: str, as_of: datetime) -> Window:
        """Raises Unknown where the market, or the feature set, is gone."""
        asked = market_name, feature_set_name, as_of
        if asked not in self._read:
            self._read[asked] = _read(self._market(market_name), feature_set(feature_set_name), as_of)
        return self._read[asked]

    def forget(self) -> None:
        self._read.clear()

    def _market(self, name: str) -> Market:
        if name not in self._markets:
            self._markets[name] = Market.objects.named(name)
        return self._markets[name]


def from_candles(
    prediction: Prediction, stored: Vectors, version: ModelVersion, windows: Windows
) -> FromCandles | None:
    """What the candles say now of an answer's vector, (k,); None where it did not come from any."""
    if not prediction.market or prediction.as_of is None:
        return None
    try:
        window = windows.of(prediction.market, version.feature_set, prediction.as_of)
    except Refused as refused:
        return FromCandles(FromCandlesClass.IMPOSSIBLE, str(refused))
    if version.feature_set_sha256 != window.features.sha256:
        return _of_another_feature_set(stored, version, window)
    if window.vector is None:
        return FromCandles(FromCandlesClass.IMPOSSIBLE, window.refusal)
    if window.sha256 == prediction.candles_sha256:
        return _of_the_same_candles(stored, window, window.vector)
    return _of_other_candles(stored, window, window.vector, prediction.candles_sha256)


def _read(market: Market, features: FeatureSet, as_of: datetime) -> Window:
    """By the same functions that serving calls; not by its cache, where an old moment would displace the newest."""
    stored = market.candles.ending_at(as_of, candles=features.window, step=market.step)
    series = stored.series(interval=int(market.step.total_seconds()))
    try:
        vector = newest_vector(series, features, as_of=int(as_of.timestamp()))
    except Refused as refused:
        return Window(market, features, series, candles_sha256(series), None, str(refused))
    return Window(market, features, series, candles_sha256(series), vector, "")


def _stretches(moments: list[datetime], *, longest_step: timedelta) -> Iterator[list[datetime]]:
    """Ascending moments cut where a step is longer: within one, windows overlap or touch."""
    cuts = [place for place, (one, next_) in enumerate(pairwise(moments), start=1) if next_ - one > longest_step]
    for start, end in pairwise([0, *cuts, len(moments)]):
        if end - start > 1:
            yield moments[start:end]


def _read_stretch(market: Market, features: FeatureSet, moments: list[datetime]) -> Iterator[tuple[datetime, Window]]:
    """Those windows that are whole and give a vector."""
    reach = (moments[-1] - moments[0]) // market.step + features.window
    stored = market.candles.ending_at(moments[-1], candles=reach, step=market.step)
    series = stored.series(interval=int(market.step.total_seconds()))
    ends = {stamp: place for place, stamp in enumerate(series.opened_at.tolist(), start=1) if place >= features.window}
    whole = [moment for moment in moments if moment.timestamp() in ends]
    windows = [series[end - features.window : end] for end in (ends[moment.timestamp()] for moment in whole)]
    for moment, window, vector in zip(whole, windows, newest_vectors(windows, features), strict=True):
        if np.isfinite(vector).all():
            yield moment, Window(market, features, window, candles_sha256(window), vector, "")


def _of_another_feature_set(stored: Vectors, version: ModelVersion, window: Window) -> FromCandles:
    said = f"feature set {version.feature_set} is not the one of then: what the code computes now is another thing"
    if window.vector is None or window.vector.shape != stored.shape:
        return FromCandles(FromCandlesClass.OTHER_FEATURE_SET, said)
    differing = _differences(window.features, stored, window.vector)
    return FromCandles(FromCandlesClass.OTHER_FEATURE_SET, said, differing, vector=window.vector)


def _of_the_same_candles(stored: Vectors, window: Window, vector: Vectors) -> FromCandles:
    differing = _differences(window.features, stored, vector)
    if not differing:
        return FromCandles(FromCandlesClass.SAME, "the same candles give the same features")
    said = "the same candles, by the same feature set, give other features than were logged"
    return FromCandles(FromCandlesClass.UNEXPLAINED, said, differing, vector=vector)


def _of_other_candles(stored: Vectors, window: Window, vector: Vectors, sha256: str) -> FromCandles:
    differing = _differences(window.features, stored, vector)
    earlier = before_revisions(window.market, window.series, sha256=sha256)
    if earlier is None:
        said = "the candles are not those of then, and no revision that is held says what they were"
        return FromCandles(FromCandlesClass.UNEXPLAINED, said, differing, vector=vector)
    if _gives_another(stored, earlier.series, window.features):
        said = "the candles of then, their revisions undone, give other features than were logged"
        return FromCandles(FromCandlesClass.UNEXPLAINED, said, differing, earlier.revised, vector)
    effect = f"{len(differing)} of {len(stored)} features differ" if differing else "the features are the same"
    revised = "1 candle was" if len(earlier.revised) == 1 else f"{len(earlier.revised)} candles were"
    said = f"{revised} revised since: {effect}"
    return FromCandles(FromCandlesClass.REVISED, said, differing, earlier.revised, vector)


def _gives_another(stored: Vectors, series: CandleSeries, features: FeatureSet) -> bool:
    try:
        return bool(_differences(features, stored, newest_vector(series, features)))
    except Refused:  # no answer can have come from these
        return True


def _differences(features: FeatureSet, stored: Vectors, now: Vectors) -> tuple[Difference, ...]:
    """To the bit: -0.0 is not 0.0."""
    differing = np.flatnonzero(stored.view(np.uint32) != now.view(np.uint32)).tolist()
    return tuple(Difference(features.names[place], float(stored[place]), float(now[place])) for place in differing)
