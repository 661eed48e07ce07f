"""Many rows in one request: answered by one model, logged together or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryptoml_site.errors import Invalid, InvalidFields, Problem
from predictions.answers import Answers, Asker, answers_of
from predictions.asked import name_in, reference_in, refuse_strangers, version_in
from predictions.engine import engine
from predictions.sessions import Scored
from predictions.vectors import LARGEST, NUMBERS, vector_of

FIELDS = {"model", "version", "rows", "names", "reference"}
MOST_ROWS = 10_000
CHUNK = 2_000  # rows in one call of the model: its memory stays small
MOST_FAULTY_ROWS = 10  # named in one refusal
Rows = Sequence[Any]


@dataclass(frozen=True, slots=True)
class AskedBatch:
    """A body of POST /predict/batch. names: the features in the order of the arrays; the signature's where absent."""

    rows: Rows
    model: str | None = None
    version: int | None = None
    names: Sequence[str] | None = None
    reference: str = ""

    @classmethod
    def parse(cls, body: object) -> AskedBatch:
        """Raises Invalid, naming the field at fault."""
        if not isinstance(body, dict):
            raise Invalid("the body must be one JSON object with 'rows'", code="not_an_object")
        refuse_strangers(body, FIELDS)
        rows = body.get("rows")
        if not isinstance(rows, list) or not rows:
            raise Invalid("'rows' must be a list of objects, or of arrays, one a row", code="no_rows", field="rows")
        if len(rows) > MOST_ROWS:
            sentence = f"'rows' has {len(rows):,} rows, {MOST_ROWS:,} are allowed: send several batches"
            raise Invalid(sentence, code="too_many_rows", field="rows")
        return cls(rows, name_in(body, "model"), version_in(body), _names(body), reference_in(body))


def answer_batch(asked: AskedBatch, *, asker: Asker) -> Answers:
    """Compute the answers; it is for the caller to log them before they are given.

    Raises Invalid for wrong input, naming the rows, and what `engine.serving` raises.
    """
    serving = engine.serving(asked.model, trial=asked.version)
    X = matrix_of(asked.rows, serving.version.feature_names, order=asked.names)
    chunks = (X[start : start + CHUNK] for start in range(0, len(X), CHUNK))
    scored = Scored.joined([engine.scored(serving.version, chunk) for chunk in chunks])
    return answers_of(serving, X, scored, asker=asker, reference=asked.reference)


def matrix_of(rows: Rows, names: Sequence[str], *, order: Sequence[str] | None = None) -> NDArray[np.float32]:
    """(m, k) float32, its columns in the order of `names`. order: that of the arrays' numbers, `names`' where None.

    Raises InvalidFields with the faults of the first rows that have any, each field named as `rows[7].price`.
    """
    kinds = set(map(type, rows))
    if kinds == {dict}:
        return _stacked(rows, names, of_row=_row_of_object(names)) if order is None else _no_names_of_objects()
    if kinds == {list}:
        chosen = _checked(order, names) if order is not None else names
        X = _stacked(rows, chosen, of_row=list)
        return X if chosen == names else X[:, [chosen.index(name) for name in names]]
    raise Invalid("'rows' must hold objects alone, or arrays alone", code="mixed_rows", field="rows")


def _stacked(rows: Rows, names: Sequence[str], *, of_row: Callable[[Any], Sequence[Any]]) -> NDArray[np.float32]:
    """What is right passes at once; what is not is looked at by row and name."""
    if set(map(len, rows)) == {len(names)}:
        try:
            numbers = list(chain.from_iterable(map(of_row, rows)))
        except KeyError:
            return _looked_at(rows, names)
        if NUMBERS.issuperset(map(type, numbers)) and min(numbers) >= -LARGEST and max(numbers) <= LARGEST:
            X = np.array(numbers, np.float64).reshape(len(rows), len(names)).astype(np.float32)
            if np.isfinite(X).all():  # `min` and `max` may step over a NaN
                return X
    return _looked_at(rows, names)


def _looked_at(rows: Rows, names: Sequence[str]) -> NDArray[np.float32]:
    vectors, problems, faulty = [], [], 0
    for place, row in enumerate(rows):
        try:
            vectors.append(vector_of(_by_name(row, names), names))
        except InvalidFields as refused:
            problems += [_placed(problem, place) for problem in refused.problems]
            faulty += 1
            if faulty == MOST_FAULTY_ROWS:
                break
    if problems:
        raise InvalidFields(problems)
    return np.stack(vectors)


def _by_name(row: Any, names: Sequence[str]) -> Mapping[str, Any]:
    if isinstance(row, dict):
        return row
    if len(row) == len(names):
        return dict(zip(names, row, strict=True))
    sentence = f"has {len(row)} numbers, the model asks for {len(names)}: {', '.join(names)}"
    raise InvalidFields([Problem("wrong_width", None, sentence)])


def _placed(problem: Problem, place: int) -> Problem:
    field = f"rows[{place}].{problem.field}" if problem.field else f"rows[{place}]"
    return Problem(problem.code, field, f"row {place}: {problem.sentence}")


def _row_of_object(names: Sequence[str]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    return itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)


def _names(body: Mapping[str, Any]) -> list[str] | None:
    names = body.get("names")
    if "names" in body and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise Invalid("'names' must be a list of feature names", code="not_names", field="names")
    return names


def _checked(order: Sequence[str], names: Sequence[str]) -> Sequence[str]:
    if sorted(order) != sorted(names):
        raise Invalid(
            f"'names' must hold each feature of the model once: {', '.join(names)}", code="wrong_names", field="names"
        )
    return order


def _no_names_of_objects() -> NDArray[np.float32]:
    raise Invalid("'names' is the order of arrays: rows that are objects have names", code="not_names", field="names")
