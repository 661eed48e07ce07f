"""The rows that a check looks at: what the version was shown lately, or what its market would show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection

from cryptoml_site.clock import now
from monitoring.models import DriftCheck
from predictions.ids import first_id_of
from predictions.models import Prediction
from registry.models import ModelVersion
from training.datasets import Vectors, as_float32
from training.features.feature_set import FeatureSet
from training.models import Market
from training.models.market import moment

LOOKED_BACK = 2  # windows' time, in which holes and pauses may take up half
MOST_ANSWERS = 100_000  # the newest, within a window's time

# One row a candle: a million answers about one candle say as much as one. Of a client's own features, which are of no
# candle, the newest in each candle's time: rows as far apart in time as those that the version learnt from. What was
# asked lately about a candle of long ago says nothing of the present.
ANSWERED = """
SELECT DISTINCT ON (at) at, vector, id FROM (
    SELECT COALESCE(as_of, date_bin(%(step)s, made_at, 'epoch')) AS at, vector, id
    FROM predictions_prediction
    WHERE model_id = %(model)s AND version_id = %(version)s AND role = %(role)s AND id >= %(first_id)s
        AND (as_of IS NULL OR as_of >= %(first)s)
    ORDER BY id DESC LIMIT %(most)s
) AS newest
ORDER BY at DESC, id DESC LIMIT %(window)s
"""


@dataclass(frozen=True, eq=False)
class Rows:
    """X: (m, k) float32, oldest first; computed from candles they may overflow.

    at: of each its as_of, or when a client's own features were answered.
    """

    X: Vectors
    at: list[datetime]
    source: DriftCheck.Source

    def __len__(self) -> int:
        return len(self.at)

    def finite(self) -> Rows:
        """Those without an overflow."""
        kept = np.flatnonzero(np.isfinite(self.X).all(axis=1)).tolist()
        return Rows(self.X[kept], [self.at[place] for place in kept], self.source)


def newest_rows(version: ModelVersion, features: FeatureSet, market: Market | None, *, window: int) -> Rows:
    """Of as many candles as a window has, or fewer where there are no more.

    Answers where there is a whole window of them: fewer rows scatter more, and the limit is that of whole windows.
    """
    step = market.step if market is not None else timedelta(hours=1)
    answered = _answered(version, step=step, window=window)
    if market is None or len(answered) >= window:
        return answered
    return _of_candles(market, features, window=window)


def _answered(version: ModelVersion, *, step: timedelta, window: int) -> Rows:
    first = now() - LOOKED_BACK * window * step
    asked: dict[str, Any] = {
        "model": version.model_id,
        "version": version.pk,
        "role": Prediction.Role.PRODUCTION,
        "step": step,
        "first": first,
        "first_id": first_id_of(first),
        "most": MOST_ANSWERS,
        "window": window,
    }
    with connection.cursor() as cursor:
        cursor.execute(ANSWERED, asked)
        found = cursor.fetchall()[::-1]
    width = len(version.signature)
    X = np.array([vector for _, vector, _ in found], dtype=np.float32).reshape(-1, width)
    return Rows(X, [at for at, _, _ in found], DriftCheck.Source.ANSWERS)


def _of_candles(market: Market, features: FeatureSet, *, window: int) -> Rows:
    """Places of the grid that have no row, because something is absent, are left out; what overflows is not."""
    newest = market.newest()
    if newest is None:
        return Rows(np.empty((0, len(features.names)), np.float32), [], DriftCheck.Source.CANDLES)
    stored = market.candles.ending_at(newest, candles=LOOKED_BACK * window + features.window, step=market.step)
    series = stored.series(interval=int(market.step.total_seconds()))
    X = as_float32(features.matrix(series))
    absent = np.logical_or.reduce(list(features.faults(series).values()))
    kept = np.flatnonzero(~absent)[-window:]
    return Rows(X[kept], [moment(int(at)) for at in series.opened_at[kept]], DriftCheck.Source.CANDLES)
