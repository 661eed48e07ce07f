"""No request of a web process waits for Postgres without end.

A server that was stopped, or whose disk hangs, closes no socket and times nothing out: sixteen requests for stored
candles would hold sixteen threads, and answers that need no Postgres would find none.
"""

from typing import Any

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from psycopg.abc import RV, PQGen

DEADLINE = 5.0  # seconds for one step of a query


def limit_waits() -> None:
    """From now on, for every connection that Django opens here. A step over DEADLINE raises OperationalError."""
    connection_created.connect(_limit, dispatch_uid="predictions.patience")


def _limit(connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    opened: Any = connection.connection

    def wait(gen: PQGen[RV], *args: Any, **kwargs: Any) -> RV:
        try:
            return psycopg.Connection.wait(opened, gen, *args, **kwargs | {"timeout": DEADLINE})
        except psycopg.errors._WaitTimeout:
            opened.close()  # or the next question to it would wait as long
            raise

    opened.wait = wait
