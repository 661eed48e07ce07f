"""Monthly partitions of the prediction log, by range of its UUIDv7 id."""

import time
from datetime import UTC, datetime

from django.db import OperationalError, connection, transaction
from psycopg import sql

from cryptoml_site.clock import now
from predictions.ids import first_id_of

LOG = "predictions_prediction"
STRAYS = f"{LOG}_default"
ATTEMPTS = 20
PAUSE_SECONDS = 0.3  # between two of them, in which the inserts that wait behind them go on


def month_start(moment: datetime, *, months_later: int = 0) -> datetime:
    """Midnight UTC of the first day of the month that lies so many months after the moment's.

    >>> month_start(datetime(2026, 11, 23, tzinfo=UTC), months_later=2).isoformat()
    '2027-01-01T00:00:00+00:00'
    """
    year, month = divmod(moment.year * 12 + moment.month - 1 + months_later, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def ensure_partitions(*, months_ahead: int) -> list[str]:
    """Make the partitions of this month and the months ahead that are not there yet; their names.

    Each in a transaction of its own, waiting at most 200 ms for its lock, again and again: DDL that queues behind a
    long reader would stall every insert behind itself. Raises OperationalError when the log stays busy.
    """
    made = []
    for months_later in range(months_ahead + 1):
        start = month_start(now(), months_later=months_later)
        name = f"{LOG}_{start:%Y_%m}"
        if _ensure(name, start, month_start(start, months_later=1)):
            made.append(name)
    return made


def _ensure(name: str, start: datetime, end: datetime) -> bool:
    """Whether it was made here; another process may be quicker while this one waits."""
    for attempt in range(ATTEMPTS):
        if _exists(name):
            return False
        try:
            _make_partition(name, start, end)
        except OperationalError:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(PAUSE_SECONDS)
        else:
            return True
    return False


def _exists(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
        return bool(cursor.fetchone()[0])


def _make_partition(name: str, start: datetime, end: datetime) -> None:
    """Strays in the DEFAULT partition would block the new one: they are moved aside before, and put in after."""
    low, high = first_id_of(start), first_id_of(end)
    names = {"log": sql.Identifier(LOG), "strays": sql.Identifier(STRAYS), "name": sql.Identifier(name)}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '200ms'")
        cursor.execute(
            sql.SQL("LOCK TABLE {strays} IN SHARE ROW EXCLUSIVE MODE").format(**names)
        )  # no stray in between
        cursor.execute(
            sql.SQL(
                "CREATE TEMPORARY TABLE moved ON COMMIT DROP AS "
                "SELECT * FROM {strays} WHERE id >= {low} AND id < {high}"
            ).format(**names, low=low, high=high)
        )
        cursor.execute(sql.SQL("DELETE FROM {strays} WHERE id >= %s AND id < %s").format(**names), [low, high])
        cursor.execute(
            sql.SQL("CREATE TABLE {name} PARTITION OF {log} FOR VALUES FROM ({low}) TO ({high})").format(
                **names, low=low, high=high
            )
        )
        cursor.execute(sql.SQL("INSERT INTO {log} SELECT * FROM moved").format(**names))
