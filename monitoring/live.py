"""How often production's scheduled forecasts came true."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from math import isnan
from typing import Any

import numpy as np
from django.db import connection

from monitoring.intervals import wilson
from predictions.ids import first_id_of
from predictions.models import Prediction
from registry.models import ModelVersion
from training.evaluation.bootstrap import block_bootstrap
from training.labels import went_up

SPAN = timedelta(days=30)
MOST = 2_000  # forecasts of one model, the newest
FEWEST = 30  # outcomes, below which a share says nothing
RESAMPLES = 1_000

# The newest revision of each outcome; a forecast is the one answer of its close, and evidence if it was made in time
# and did not abstain.
SETTLED = """
SELECT wanted.model, forecast.as_of, outcome.log_return, answer.direction
FROM unnest(%(models)s::bigint[], %(versions)s::bigint[]) AS wanted (model, version)
CROSS JOIN LATERAL (
    SELECT as_of, prediction_id FROM predictions_forecast
    WHERE model_id = wanted.model AND as_of >= %(since)s ORDER BY as_of DESC LIMIT %(most)s
) AS forecast
JOIN predictions_prediction AS answer
    ON answer.id = forecast.prediction_id AND answer.id >= %(first_id)s
    AND answer.version_id = wanted.version AND answer.made_at < answer.target_at AND answer.direction IS NOT NULL
JOIN training_market AS market ON market.name = answer.market
CROSS JOIN LATERAL (
    SELECT status, log_return FROM training_outcome
    WHERE market_id = market.id AND as_of = answer.as_of AND horizon = answer.horizon ORDER BY revision DESC LIMIT 1
) AS outcome
WHERE outcome.status = 'settled'
ORDER BY wanted.model, forecast.as_of
"""


@dataclass(frozen=True)
class LiveRate:
    """Share of right answers among n outcomes, its 95 % interval, and what the majority of the same would have had.

    None in place of the shares where the outcomes are too few to say anything.
    """

    n: int
    rate: float | None = None
    low: float | None = None
    high: float | None = None
    baseline: float | None = None

    @property
    def enough(self) -> bool:
        return self.rate is not None

    @property
    def verdict(self) -> str:
        if self.low is None or self.high is None or self.baseline is None:
            return ""
        if self.low > self.baseline:
            return "above"
        return "below" if self.high < self.baseline else "no different from"

    @property
    def places(self) -> dict[str, float]:
        """Where to draw the figures, in per cent of a scale that holds them all."""
        if self.rate is None or self.low is None or self.high is None or self.baseline is None:
            return {}
        left, right = min(self.low, self.baseline) - 0.02, max(self.high, self.baseline) + 0.02
        drawn = {"low": self.low, "rate": self.rate, "baseline": self.baseline}
        spots = {name: round((value - left) / (right - left) * 100, 1) for name, value in drawn.items()}
        return spots | {"width": round((self.high - self.low) / (right - left) * 100, 1)}


def live_rates(versions: Sequence[ModelVersion], *, at: datetime) -> dict[int, LiveRate]:
    """By the version's model, in one question for all; of each version its own forecasts alone."""
    found = _settled(versions, since=at - SPAN)
    return {version.model_id: _judged(found.get(version.model_id, []), version.model.horizon) for version in versions}


def _settled(versions: Sequence[ModelVersion], *, since: datetime) -> Mapping[int, list[tuple[float, bool]]]:
    """By model, oldest first: the log return, and whether up was called."""
    asked: dict[str, Any] = {
        "models": [version.model_id for version in versions],
        "versions": [version.pk for version in versions],
        "since": since,
        "first_id": first_id_of(since),
        "most": MOST,
    }
    by_model: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(SETTLED, asked)
        for model, _, log_return, direction in cursor.fetchall():
            by_model[model].append((log_return, direction == Prediction.Direction.UP))
    return by_model


def _judged(settled: Sequence[tuple[float, bool]], horizon: int) -> LiveRate:
    if len(settled) < FEWEST:
        return LiveRate(n=len(settled))
    up = went_up(np.array([log_return for log_return, _ in settled])) == 1.0
    hits = np.array([called for _, called in settled]) == up
    low, high = _interval(hits.tobytes(), horizon)
    share_up = float(up.mean())
    return LiveRate(len(hits), float(hits.mean()), low, high, baseline=max(share_up, 1 - share_up))


@lru_cache(maxsize=256)  # the same outcomes are looked at again and again
def _interval(hits: bytes, horizon: int) -> tuple[float, float]:
    """Of the block bootstrap; Wilson's, where the outcomes are too few for its blocks."""
    right = np.frombuffer(hits, dtype=np.bool_)
    found = block_bootstrap(right, horizon=horizon, seed=7, resamples=RESAMPLES)
    return wilson(int(right.sum()), len(right)) if isnan(found.low) else (found.low, found.high)
