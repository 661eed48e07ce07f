"""What happened after a version's forecasts: the only outcomes that judge it.

A forecast by schedule is the one answer of its close; it counts where it was made before its target candle closed, and
did not abstain. What clients asked about the same candle counts no second time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from predictions.ids import first_id_of
from predictions.models import Prediction
from registry.models import ModelVersion
from training.labels import went_up
from training.series import Floats

# The newest revision of each outcome.
SETTLED = """
SELECT wanted.model, forecast.as_of, outcome.log_return, answer.direction = %(up)s, answer.probability_up
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


@dataclass(frozen=True, eq=False)
class Evidence:
    """(n,) each, oldest first. called_up: what was answered. went_up: what happened."""

    as_of: NDArray[np.datetime64]
    log_return: Floats
    called_up: NDArray[np.bool_]
    probability_up: Floats

    def __len__(self) -> int:
        return len(self.log_return)

    @property
    def went_up(self) -> NDArray[np.bool_]:
        rose: NDArray[np.bool_] = went_up(self.log_return) == 1.0
        return rose

    @property
    def hits(self) -> NDArray[np.bool_]:
        right: NDArray[np.bool_] = self.called_up == self.went_up
        return right

    @classmethod
    def of(cls, rows: Sequence[tuple[datetime, float, bool, float]]) -> Evidence:
        as_of, log_return, called_up, probability_up = zip(*rows, strict=True) if rows else ((), (), (), ())
        naive = [moment.replace(tzinfo=None) for moment in as_of]  # numpy's moments are UTC, and say so nowhere
        return cls(
            np.array(naive, dtype="datetime64[us]"),
            np.array(log_return, dtype=np.float64),
            np.array(called_up, dtype=np.bool_),
            np.array(probability_up, dtype=np.float64),
        )


def settled(versions: Sequence[ModelVersion], *, since: datetime, most: int) -> Mapping[int, Evidence]:
    """By the version's model, in one question for all; of each version its own forecasts alone, the newest `most`."""
    asked: dict[str, Any] = {
        "models": [version.model_id for version in versions],
        "versions": [version.pk for version in versions],
        "since": since,
        "first_id": first_id_of(since),
        "most": most,
        "up": Prediction.Direction.UP,
    }
    by_model: dict[int, list[tuple[datetime, float, bool, float]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(SETTLED, asked)
        for model, *row in cursor.fetchall():
            by_model[model].append(tuple(row))
    return {version.model_id: Evidence.of(by_model[version.model_id]) for version in versions}
