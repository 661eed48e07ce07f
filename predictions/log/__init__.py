"""The prediction log's one way in. What `write` returned from is stored, whatever is killed afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import connection

from predictions.answers import Answers
from predictions.log.late import late_minutes
from predictions.log.postgres import PatientConnection
from predictions.log.replay import Replayer
from predictions.log.rows import COPY, copied, milliseconds_of, packed
from predictions.log.spool import Record, Spool
from predictions.log.writer import PATIENCE, Durability, Writer
from predictions.models import LateMinute

MANY = 100  # rows of one call from which on it goes beside the others', not before them
SECONDS_TO_DRAIN = 8.0


class Log:
    """The writers of one process, their spool, and the thread that empties it."""

    def __init__(self, folder: Path, *, limit: int, deadline: float, relaxed: bool) -> None:
        self.spool = Spool(folder, limit=limit)
        self.relaxed = relaxed
        connect = partial(PatientConnection.open, deadline=deadline)
        patient = partial(PatientConnection.open, deadline=max(deadline, 10.0))
        self.answers = Writer("answers", spool=self.spool, connect=connect)
        self.batches = Writer("batches", spool=self.spool, connect=patient)
        self.writers = (self.answers, self.batches)
        self.replayer = Replayer(self.spool, self.writers)

    def write(self, answers: Answers) -> Durability:
        """Store these answers, all or none; they are durable when this returns.

        Raises Refused where Postgres takes no such row, Unavailable where neither it nor the spool takes any.
        """
        record = Record(packed(answers), len(answers.ids))
        ticket = (self.batches if record.count >= MANY else self.answers).hand_over(record)
        return Durability.MEMORY if self.relaxed else ticket.wait(PATIENCE)

    def start(self) -> None:
        """Look for what dead processes left behind, and for Postgres whenever it is away."""
        self.replayer.start()

    def drain(self) -> None:
        """At the end of the process: nothing that was handed over is left behind."""
        self.replayer.stop()
        deadline = time.monotonic() + SECONDS_TO_DRAIN
        for writer in self.writers:
            writer.drain(deadline - time.monotonic())


log = Log(
    settings.SPOOL_DIR,
    limit=settings.SPOOL_LIMIT,
    deadline=settings.LOG_DEADLINE,
    relaxed=settings.DURABILITY == "relaxed",
)


def write(answers: Answers) -> Durability:
    return log.write(answers)


def copy(many: Iterable[Answers]) -> None:
    """Store answers in the caller's own transaction, on Django's connection."""
    rows = list(map(packed, many))
    with connection.cursor() as cursor, cursor.copy(COPY) as stream:
        stream.write(copied(rows))
    if late := late_minutes(map(milliseconds_of, filter(None, rows))):
        LateMinute.objects.bulk_create(LateMinute(minute=minute) for minute in late)
