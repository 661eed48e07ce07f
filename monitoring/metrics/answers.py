"""Counts of answers, from the log by ranges of its ids: however long the log, a minute costs what is in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime
from math import sqrt
from typing import Any, Self

from django.db import connection

from monitoring.metrics.spans import BELOW, Span, Stretch
from monitoring.models import AnswerCount
from predictions.ids import first_id_of

# A model or version that is gone leaves its rows in the log: they are counted by what is known of it.
_COUNTED = """
SELECT minute, coalesce(model.name, '#' || counted.model_id), coalesce(version.number, 0), counted.role, counted.market,
    sum(answers)::bigint, sum(up)::bigint, sum(down)::bigint, sum(confidence), sum(squares)
FROM (
    SELECT date_bin('1 minute', uuid_extract_timestamp(id), 'epoch') AS minute, model_id, version_id, role, market,
        count(*) AS answers, count(*) FILTER (WHERE direction = 'up') AS up,
        count(*) FILTER (WHERE direction = 'down') AS down,
        sum(CASE WHEN direction IS NULL THEN 0 ELSE greatest(probability_up, 1 - probability_up) END) AS confidence,
        sum(CASE WHEN direction IS NULL THEN 0 ELSE greatest(probability_up, 1 - probability_up) ^ 2 END) AS squares
    FROM predictions_prediction WHERE id >= %(first)s AND id < %(end)s GROUP BY 1, 2, 3, 4, 5
) AS counted
LEFT JOIN registry_registeredmodel AS model ON model.id = counted.model_id
LEFT JOIN registry_modelversion AS version ON version.id = counted.version_id
GROUP BY 1, 2, 3, 4, 5
"""
_COLUMNS = ", ".join(("span", "began_at", *AnswerCount.LABELS, *AnswerCount.SUMS))
_MINUTES = f"""
INSERT INTO monitoring_answercount ({_COLUMNS}) SELECT 'minute', counts.* FROM ({_COUNTED}) AS counts
"""  # noqa: S608  # nosec B608  # the names are the model's own
_ABOVE = f"""
INSERT INTO monitoring_answercount ({_COLUMNS})
SELECT %(span)s, date_trunc(%(span)s, began_at, 'UTC'), {", ".join(AnswerCount.LABELS)},
    {", ".join(f"sum({name})" for name in AnswerCount.SUMS)}
FROM monitoring_answercount WHERE span = %(below)s AND began_at >= %(start)s AND began_at < %(end)s
GROUP BY date_trunc(%(span)s, began_at, 'UTC'), {", ".join(AnswerCount.LABELS)}
"""  # noqa: S608  # nosec B608


@dataclass(frozen=True, slots=True)
class Answered:
    """How many answers, and how sure they were; the confidence is that of up and down alone."""

    answers: int = 0
    up: int = 0
    down: int = 0
    confidence_sum: float = 0.0
    confidence_squares: float = 0.0

    @classmethod
    def total(cls, many: Iterable[Answered]) -> Self:
        return cls(*map(sum, zip(*map(astuple, many), strict=True)))

    @property
    def abstained(self) -> int:
        return self.answers - self.up - self.down

    @property
    def confidence_mean(self) -> float | None:
        said = self.up + self.down
        return self.confidence_sum / said if said else None

    @property
    def confidence_std(self) -> float | None:
        """Of all these answers, none is a sample of others."""
        mean, said = self.confidence_mean, self.up + self.down
        if mean is None:
            return None
        return sqrt(max(self.confidence_squares / said - mean**2, 0.0))  # rounding may go below 0


@dataclass(frozen=True, slots=True)
class Labelled:
    """Answers of one kind."""

    began_at: datetime
    model: str
    version: int
    role: str
    market: str
    answered: Answered


def rebuild(stretch: Stretch) -> None:
    """Count the minutes of a stretch from the log, and the hours, days and months that it touches from these."""
    AnswerCount.objects.within(stretch.of(Span.MINUTE)).delete()
    _execute(_MINUTES, _ids(stretch))
    for span, below in BELOW.items():
        touched = stretch.of(span)
        AnswerCount.objects.within(touched).delete()
        _execute(_ABOVE, {"span": span, "below": below, "start": touched.start, "end": touched.end})


def counted_now(stretch: Stretch) -> list[Labelled]:
    """Straight from the log, by the minute."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, _ids(stretch))
        return [Labelled(began_at, *kind, Answered(*sums)) for began_at, kind, sums in map(_parted, cursor.fetchall())]


def _parted(row: tuple[Any, ...]) -> tuple[datetime, tuple[str, int, str, str], tuple[Any, ...]]:
    return row[0], row[1:5], row[5:]


def _ids(stretch: Stretch) -> dict[str, Any]:
    return {"first": first_id_of(stretch.start), "end": first_id_of(stretch.end)}


def _execute(statement: str, asked: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
