"""Rows of the prediction log as Postgres takes them in bulk: the binary format of COPY.

https://www.postgresql.org/docs/18/sql-copy.html#SQL-COPY-FILE-FORMATS; numbers are big-endian, each field has its
length in bytes before it, -1 for null.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from predictions.answers import Answers

# Each row's own columns first, of one length in all rows of a call; then those that answers of one kind share.
OWN = ("id", "made_at", "probability_up", "novelty", "vector")
SHARED = (
    *("direction", "model_id", "version_id", "deployment_id", "generation", "role", "actor", "key_id", "market"),
    *("horizon", "as_of", "target_at", "candles_sha256", "simulated", "reference", "warnings"),
)
COLUMNS = ", ".join(OWN + SHARED)
COPY = f"COPY predictions_prediction ({COLUMNS}) FROM STDIN (FORMAT BINARY)"
SIGNATURE = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
TRAILER = struct.pack(">h", -1)

FLOAT8, VARCHAR = 701, 1043  # type numbers of array elements
POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NULL = struct.pack(">i", -1)


def packed(answers: Answers) -> bytes:
    """The rows of these answers, in no order, to stand between SIGNATURE and TRAILER."""
    if len(answers.ids) == 1:
        return _row(answers)
    kinds = np.array(answers.up) + 2 * np.array(answers.novel)
    return b"".join(_rows(answers, np.flatnonzero(kinds == kind)) for kind in range(4) if (kinds == kind).any())


def milliseconds_of(rows: bytes) -> int:
    """Since 1970, as the first row's id bears it; all rows of a call bear the same."""
    return int.from_bytes(rows[6:12])  # behind the number of columns and the length of the id


def copied(rows: Iterable[bytes]) -> bytes:
    """What a COPY of these rows sends."""
    return b"".join((SIGNATURE, *rows, TRAILER))


def _row(answers: Answers) -> bytes:
    """The only one; NumPy would take twice as long over it."""
    features, [novelty] = answers.X.shape[1], answers.novelty
    numbers = [part for value in answers.X[0].tolist() for part in (8, value)]
    own = _layout(features, scored=novelty is not None).pack(
        *(len(OWN + SHARED), 16, answers.ids[0].bytes, 8, _microseconds(answers.made_at), 8, answers.probability_up[0]),
        *((-1,) if novelty is None else (4, novelty)),
        *(20 + 12 * features, _array_head(FLOAT8, features), *numbers),
    )
    return own + _shared(answers, 0)


@lru_cache(maxsize=256)
def _layout(features: int, *, scored: bool) -> struct.Struct:
    return struct.Struct(">h i16s iq id" + ("if" if scored else "i") + "i20s" + "id" * features)


def _rows(answers: Answers, chosen: NDArray[np.intp]) -> bytes:
    """Those of one kind are of one length, so that NumPy lays them out at once."""
    shared, scored = _shared(answers, int(chosen[0])), answers.novelty[0] is not None
    template = _template(answers.X.shape[1], len(shared), scored=scored)
    ids = b"".join([id_.bytes for id_ in answers.ids])
    rows = np.repeat(template, len(answers.ids))[chosen]
    rows["id"] = np.frombuffer(ids, "V16")[chosen]
    rows["made_at"] = _microseconds(answers.made_at)
    rows["probability_up"] = np.array(answers.probability_up)[chosen]
    if scored:
        rows["novelty"] = np.array(answers.novelty, np.float32)[chosen]
    rows["vector"]["value"] = answers.X[chosen]
    rows["shared"] = np.void(shared)
    return rows.tobytes()


@lru_cache(maxsize=256)
def _template(features: int, shared: int, *, scored: bool) -> NDArray[np.void]:
    """One row whose lengths are filled in; features: values in its vector. shared: bytes of the shared columns.

    scored: whether it has a novelty.
    """
    number = [("length", ">i4"), ("value", ">f8")]
    novelty = [("novelty_length", ">i4"), ("novelty", ">f4")] if scored else [("novelty_length", ">i4")]
    layout = np.dtype(
        [
            *(("columns", ">i2"), ("id_length", ">i4"), ("id", "V16"), ("made_at_length", ">i4"), ("made_at", ">i8")),
            *(("probability_length", ">i4"), ("probability_up", ">f8"), *novelty, ("vector_length", ">i4")),
            *(("vector_head", "V20"), ("vector", number, (features,)), ("shared", f"V{shared}")),
        ]
    )
    head = _array_head(FLOAT8, features)
    row = np.zeros(1, layout)
    row["columns"] = len(OWN + SHARED)
    row["id_length"], row["made_at_length"], row["probability_length"] = 16, 8, 8
    row["novelty_length"] = 4 if scored else -1
    row["vector_length"] = len(head) + features * 12
    row["vector_head"] = np.void(head)
    row["vector"]["length"] = 8
    return row


def _shared(answers: Answers, place: int) -> bytes:
    """Of the answer at that place, and of all of its kind."""
    serving, version, evidence = answers.serving, answers.serving.version, answers.evidence
    return b"".join(
        (
            _text_or_null(answers.direction(place)),
            _bigint(version.model_id),
            _bigint(version.pk),
            _bigint(serving.deployment),
            _bigint(serving.generation),
            _text(answers.role),
            _text(answers.asker.label),
            _bigint(answers.asker.key),
            _text(evidence.market),
            struct.pack(">ih", 2, version.horizon),
            _moment(evidence.as_of),
            _moment(evidence.target_at),
            _text(evidence.candles_sha256),
            struct.pack(">i?", 1, version.simulated),
            _text(answers.reference),
            _texts(answers.warnings + answers.own_warnings(place)),
        )
    )


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack(">i", len(raw)) + raw


def _text_or_null(value: str | None) -> bytes:
    return NULL if value is None else _text(value)


def _texts(values: tuple[str, ...]) -> bytes:
    array = _array_head(VARCHAR, len(values)) + b"".join(map(_text, values))
    return struct.pack(">i", len(array)) + array


def _array_head(kind: int, length: int) -> bytes:
    """Dimensions, whether there are nulls, type; then length and first index of each: an empty one has none."""
    return struct.pack(">iiiii", 1, 0, kind, length, 1) if length else struct.pack(">iii", 0, 0, kind)


def _bigint(value: int | None) -> bytes:
    return NULL if value is None else struct.pack(">iq", 8, value)


def _moment(value: datetime | None) -> bytes:
    return NULL if value is None else struct.pack(">iq", 8, _microseconds(value))


def _microseconds(value: datetime) -> int:
    return (value - POSTGRES_EPOCH) // MICROSECOND
