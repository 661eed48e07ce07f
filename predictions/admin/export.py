"""The log as a file: streamed, so that a million rows need no more memory than a few."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.http import StreamingHttpResponse

from predictions.models import Prediction
from predictions.outcomes import outcomes_of
from registry.models import ModelVersion, RegisteredModel
from training.models import Outcome

CHUNK = 2_000  # rows in memory; each chunk is a statement of its own, found by key: no long reader blocks a partition
COLUMNS = (
    *("id", "made_at", "model", "version", "generation", "role", "actor", "market", "as_of", "horizon", "target_at"),
    *("direction", "probability_up", "novelty", "abstained", "simulated", "warnings", "reference"),
    *("outcome", "log_return", "settled_at"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with which a spreadsheet takes a text for a formula


class Line:
    """What a csv writer writes to: the line comes back."""

    def write(self, text: str) -> str:
        return text


def csv_of(rows: Any, *, at: datetime) -> StreamingHttpResponse:
    """rows: predictions as filtered; their order is by id, newest first."""
    writer = csv.writer(Line())
    lines = (writer.writerow(cells) for cells in _cells(rows))
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="predictions-{at:%Y%m%dT%H%M%SZ}.csv"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def guarded(cell: Any) -> Any:
    """A text that a spreadsheet would run becomes one that it shows; numbers stay numbers.

    >>> guarded("=1+1"), guarded("user:anna"), guarded(-0.5)
    ("'=1+1", 'user:anna', -0.5)
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _cells(rows: Any) -> Iterator[Iterable[Any]]:
    yield COLUMNS
    numbers = dict(ModelVersion.objects.values_list("pk", "number"))
    names = dict(RegisteredModel.objects.values_list("pk", "name"))
    for chunk in _chunks(rows.select_related(None).defer(None).defer("vector").order_by("-pk")):
        outcomes = outcomes_of(chunk)
        for row in chunk:
            named = (names.get(row.model_id, ""), numbers.get(row.version_id, ""))
            yield [guarded(cell) for cell in (*_of_answer(row, *named), *_of_outcome(outcomes.get(row.id)))]


def _chunks(rows: Any) -> Iterator[list[Prediction]]:
    chunk = list(rows[:CHUNK])
    while chunk:
        yield chunk
        chunk = list(rows.filter(pk__lt=chunk[-1].pk)[:CHUNK])


def _of_answer(row: Prediction, model: str, version: int | str) -> tuple[Any, ...]:
    return (
        *(str(row.id), _iso(row.made_at), model, version, row.generation, row.role, row.actor, row.market),
        *(_iso(row.as_of), row.horizon, _iso(row.target_at), row.direction, row.probability_up, row.novelty),
        *(row.abstained, row.simulated, " ".join(row.warnings), row.reference),
    )


def _of_outcome(outcome: Outcome | None) -> tuple[Any, ...]:
    return ("", "", "") if outcome is None else (outcome.status, outcome.log_return, _iso(outcome.settled_at))


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
