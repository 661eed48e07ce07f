"""Answers as the engine would give them, and logs of a test's own that write them for real."""

import json
import struct
from contextlib import contextmanager

import numpy as np
from psycopg import OperationalError

from predictions.answers import FROM_THE_CLIENT, Asker, answers_of
from predictions.engine import ServedVersion, Serving
from predictions.log import Log
from predictions.log.rows import COLUMNS, _texts, packed
from predictions.log.spool import Record
from predictions.models import Prediction
from predictions.sessions import Scored

NAMES = tuple("abcdefghi")
VERSION = ServedVersion(7, 3, "b" * 64, 5, "bitcoin-usd-1d", "bitcoin-usd-1d", 1, "classic", NAMES, False)
SERVING = Serving(VERSION, 11, 11, ())
PLENTY = 10_000_000  # bytes of spool


def answers(
    probabilities=(0.75,), *, X=None, novelty=None, serving=SERVING, asker=None, evidence=FROM_THE_CLIENT, **who
):
    """Of one call. No foreign key of the log is held by Postgres, so no model has to be there."""
    up = np.array(probabilities, np.float32)
    vectors = np.ones((len(up), len(NAMES)), np.float32) if X is None else X
    asked_by = asker or Asker("key:ab12cd34", 1)
    return answers_of(serving, vectors, Scored(up, novelty), asker=asked_by, evidence=evidence, **who)


def refused_answers(count=1):
    """Their probability breaks a constraint of the log."""
    made = answers([0.5] * count)
    made.probability_up[0] = 7.0
    return made


def record_of(made):
    return Record(packed(made), len(made.ids))


def stored():
    """How many rows of the log have each id."""
    return list(Prediction.objects.order_by("id").values_list("id", flat=True))


def ids_of(many):
    return sorted(id_ for made in many for id_ in made.ids)


@contextmanager
def log_in(folder, *, limit=PLENTY, deadline=5.0, relaxed=False):
    """A log whose threads and connections are gone at the end, so that the test database can be."""
    log = Log(folder, limit=limit, deadline=deadline, relaxed=relaxed)
    try:
        yield log
    finally:
        log.drain()
        if log.replayer.is_alive():
            log.replayer.join(10)


def postgres_away(*_, **__):
    """In place of PatientConnection.connect."""
    raise OperationalError("connection refused")


def answers_of_an_older_release(*unknown):
    """One answer, and its file's head and row as a release wrote them that knew no such columns."""
    made = answers()
    columns = [column for column in COLUMNS.split(", ") if column not in unknown]
    head = json.dumps({"format": 1, "columns": ", ".join(columns)}).encode() + b"\n"
    row = packed(made)
    empty, null = struct.pack(">i", 0), struct.pack(">i", -1)
    places = {"reference": (len(row) - len(_texts(made.warnings)) - 4, empty), "novelty": (2 + 20 + 12 + 12, null)}
    for column in sorted(unknown, key=lambda column: places[column], reverse=True):
        place, held = places[column]
        assert row[place : place + 4] == held
        row = row[:place] + row[place + 4 :]
    return made, head, struct.pack(">h", len(columns)) + row[2:]
