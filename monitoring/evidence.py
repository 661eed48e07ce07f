"""What happened after a version's answers: the only outcomes that judge it.

An answer counts where it was made before its target candle closed, and one counts for each close: the schedule's
forecast, or where the schedule made none the first that anybody asked for from the stored candles. Features that a
client sent are no close of ours, and its own outcomes of them count for nothing here.
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

from predictions.models import Prediction
from registry.models import ModelVersion
from training.labels import went_up
from training.series import Floats

Row = tuple[datetime, float, bool | None, float]  # as_of, log_return, whether up was called, probability of up

# A question into the index for each close of the stretch in which the versions answered at all, however many answers
# there are about it. The bounds of the id, a second wide of the rule, name the one partition that is to be looked into.
ANSWERED = """
WITH wanted AS MATERIALIZED (
    SELECT asked.model, asked.version, first.as_of AS start, last.as_of AS "end"
    FROM unnest(%(models)s::bigint[], %(versions)s::bigint[]) AS asked (model, version)
    CROSS JOIN LATERAL (
        SELECT as_of FROM predictions_prediction
        WHERE version_id = asked.version AND role = %(role)s AND as_of IS NOT NULL ORDER BY as_of LIMIT 1
    ) AS first
    CROSS JOIN LATERAL (
        SELECT as_of FROM predictions_prediction
        WHERE version_id = asked.version AND role = %(role)s AND as_of IS NOT NULL ORDER BY as_of DESC LIMIT 1
    ) AS last
),
stretch AS MATERIALIZED (
    SELECT model.id AS model, market.id AS market, market.name, model.horizon,
        greatest(min(wanted.start), %(since)s) AS start, max(wanted."end") AS "end"
    FROM wanted
    JOIN registry_registeredmodel AS model ON model.id = wanted.model
    JOIN training_market AS market ON market.name = model.market
    GROUP BY model.id, market.id
)
SELECT stretch.model, answered.*
FROM stretch
CROSS JOIN LATERAL (
    SELECT outcome.as_of, outcome.log_return, answer.direction = %(up)s AS called_up, answer.probability_up
    FROM (
        SELECT DISTINCT ON (as_of) as_of, matures_at, status, log_return FROM training_outcome
        WHERE market_id = stretch.market AND horizon = stretch.horizon
            AND as_of >= stretch.start AND as_of <= stretch."end"
        ORDER BY as_of DESC, revision DESC  -- the newest revision of each
    ) AS outcome
    CROSS JOIN LATERAL (
        SELECT 0 AS place, scheduled.id, scheduled.direction, scheduled.probability_up
        FROM predictions_forecast AS forecast
        JOIN predictions_prediction AS scheduled ON scheduled.id = forecast.prediction_id
        JOIN wanted ON wanted.model = stretch.model AND wanted.version = scheduled.version_id
        WHERE forecast.model_id = stretch.model AND forecast.as_of = outcome.as_of AND scheduled.role = %(role)s
            AND scheduled.made_at < scheduled.target_at
        UNION ALL
        SELECT 1, first.id, first.direction, first.probability_up
        FROM wanted
        CROSS JOIN LATERAL (
            SELECT id, direction, probability_up FROM predictions_prediction
            WHERE version_id = wanted.version AND role = %(role)s AND as_of = outcome.as_of
                AND market = stretch.name AND horizon = stretch.horizon AND made_at < target_at
                AND id >= rpad(lpad(to_hex((1000 * extract(epoch FROM outcome.as_of))::bigint - 1000), 12, '0'),
                    32, '0')::uuid
                AND id <= rpad(lpad(to_hex((1000 * extract(epoch FROM outcome.matures_at))::bigint + 1000), 12, '0'),
                    32, '0')::uuid
            ORDER BY id LIMIT 1
        ) AS first
        WHERE wanted.model = stretch.model AND outcome.as_of BETWEEN wanted.start AND wanted."end"
        ORDER BY place, id LIMIT 1
    ) AS answer
    WHERE outcome.status = 'settled'
    ORDER BY outcome.as_of DESC LIMIT %(most)s
) AS answered
ORDER BY stretch.model, answered.as_of
"""


@dataclass(frozen=True, eq=False)
class Evidence:
    """(n,) each, oldest first. called_up: what was answered, False where the version abstained."""

    as_of: NDArray[np.datetime64]
    log_return: Floats
    called_up: NDArray[np.bool_]
    probability_up: Floats
    abstained: NDArray[np.bool_]

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

    @property
    def called(self) -> Evidence:
        """Without the closes about which nothing was said: neither right nor wrong."""
        said = ~self.abstained
        return Evidence(
            self.as_of[said],
            self.log_return[said],
            self.called_up[said],
            self.probability_up[said],
            self.abstained[said],
        )

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Evidence:
        as_of, log_return, called_up, probability_up = zip(*rows, strict=True) if rows else ((), (), (), ())
        naive = [moment.replace(tzinfo=None) for moment in as_of]  # numpy's moments are UTC, and say so nowhere
        return cls(
            np.array(naive, dtype="datetime64[us]"),
            np.array(log_return, dtype=np.float64),
            np.array([bool(up) for up in called_up], dtype=np.bool_),
            np.array(probability_up, dtype=np.float64),
            np.array([up is None for up in called_up], dtype=np.bool_),
        )


def answered(
    versions: Sequence[ModelVersion], *, since: datetime, most: int, role: str = Prediction.Role.PRODUCTION
) -> Mapping[int, Evidence]:
    """By model, in one question for all: of each the newest `most` closes that its versions answered in that role and
    that are settled; those about which they abstained are among them."""
    asked: dict[str, Any] = {
        "models": [version.model_id for version in versions],
        "versions": [version.pk for version in versions],
        "role": role,
        "since": since,
        "most": most,
        "up": Prediction.Direction.UP,
    }
    by_model: dict[int, list[Row]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(ANSWERED, asked)
        for model, *row in cursor.fetchall():
            by_model[model].append(tuple(row))
    return {version.model_id: Evidence.of(by_model[version.model_id]) for version in versions}


def settled(versions: Sequence[ModelVersion], *, since: datetime, most: int) -> Mapping[int, Evidence]:
    """By model, what its versions called in production and what came of it."""
    return {model: found.called for model, found in answered(versions, since=since, most=most).items()}
