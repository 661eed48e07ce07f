"""The log's own way to Postgres: no step of it waits longer than a deadline."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

import psycopg
from django.db import connections
from psycopg.abc import RV, PQGen

from cryptoml_site.clock import now
from predictions.log.late import NOTE
from predictions.log.rows import COPY


def parameters() -> dict[str, Any]:
    """How to reach the database of Django's settings past Django, in autocommit."""
    wanted: dict[str, Any] = connections["default"].get_connection_params()
    for belongs_to_django in ("cursor_factory", "context"):
        wanted.pop(belongs_to_django, None)
    return wanted | {"autocommit": True, "connect_timeout": 2}  # seconds


class PatientConnection(psycopg.Connection[tuple[Any, ...]]):
    """Raises OperationalError when the server takes longer than `deadline` over one step; what it did is then unknown.

    A server that was stopped, or a network that swallows packets, closes no socket: without this the wait has no end.
    """

    deadline = 1.0  # seconds

    @classmethod
    def open(cls, *, deadline: float) -> Self:
        """To the database of Django's settings, in autocommit."""
        opened = cls.connect(**parameters())
        opened.deadline = deadline
        return opened

    def wait(self, gen: PQGen[RV], *args: Any, **kwargs: Any) -> RV:
        return super().wait(gen, *args, **kwargs | {"timeout": self.deadline})

    def copy_rows(self, payload: bytes, statement: str = COPY) -> None:
        """Insert all of these rows or none; they are durable when this returns."""
        with self.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(payload)

    def copy_late_rows(self, payload: bytes, minutes: Sequence[datetime]) -> None:
        """The same, and note in the same transaction that these minutes have to be counted again."""
        with self.transaction():
            self.copy_rows(payload)
            self.note(minutes)

    def note(self, minutes: Sequence[datetime]) -> None:
        self.execute(NOTE, [now(), list(minutes)])
