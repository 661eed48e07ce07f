"""Monthly partitions of the prediction log, by range of its UUIDv7 id.

Two functions in Postgres make and drop them (migration 0009), for the application's role may own none of its tables.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from django.db import OperationalError, connection, transaction

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from predictions.ids import first_id_of

LOG = "predictions_prediction"
STRAYS = f"{LOG}_default"
ATTEMPTS = 20
_LOWEST, _HIGHEST = UUID(int=0), UUID(int=2**128 - 1)
PAUSE_SECONDS = 0.3  # between two of them, in which the inserts that wait behind them go on


def month_start(moment: datetime, *, months_later: int = 0) -> datetime:
    """Midnight UTC of the first day of the month that lies so many months after the moment's.

    >>> month_start(datetime(2026, 11, 23, tzinfo=UTC), months_later=2).isoformat()
    '2027-01-01T00:00:00+00:00'
    """
    year, month = divmod(moment.year * 12 + moment.month - 1 + months_later, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def partitions_can_be_made() -> bool:
    """False where the log's migrations are not applied, or were taken back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regprocedure('predictions_make_partition(date)') IS NOT NULL")
        return bool(cursor.fetchone()[0])


def ensure_partitions(*, months_ahead: int) -> list[str]:
    """Make the partitions of this month and the months ahead that are not there yet; their names.

    Each in a transaction of its own, waiting at most 200 ms for its lock, again and again: DDL that queues behind a
    long reader would stall every insert behind itself. Raises OperationalError when the log stays busy.
    """
    months = [month_start(now(), months_later=later) for later in range(months_ahead + 1)]
    return [f"{LOG}_{month:%Y_%m}" for month in months if _patiently(_make_partition, month)]


def drop_partition(month: datetime) -> bool:
    """Drop the partition of that moment's month with all its answers; False where there is none.

    Raises Refused for a month that has not ended, OperationalError when the log stays busy.
    """
    start = month_start(month)
    if month_start(start, months_later=1) > now():
        raise Refused(f"{start:%Y-%m} has not ended: the log is dropped by whole months that are past", field="month")
    return _patiently(_drop_partition, start)


def _patiently(change: Callable[[datetime], bool], month: datetime) -> bool:
    """Whether it was done here; another process may be quicker while this one waits."""
    for _ in range(ATTEMPTS - 1):
        with suppress(OperationalError):
            return change(month)
        time.sleep(PAUSE_SECONDS)
    return change(month)


def _make_partition(month: datetime) -> bool:
    """Strays in the DEFAULT partition would block the new one: they are moved into it."""
    return _done("SELECT predictions_make_partition(%s)", month)


def _drop_partition(month: datetime) -> bool:
    with transaction.atomic():
        if dropped := _done("SELECT predictions_drop_partition(%s)", month):
            _note_dropped(month)
        return dropped


def _note_dropped(month: datetime) -> None:
    """A DroppedMonth, in SQL: the app that makes partitions is there before its models."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO predictions_droppedmonth (month, dropped_at) VALUES (%s, %s) ON CONFLICT (month) DO NOTHING",
            [month.date(), now()],
        )


def _done(call: str, month: datetime) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(call, [month.date()])
        return bool(cursor.fetchone()[0])


def strays(*, most: int) -> int:
    """Rows in the DEFAULT partition, counted up to one more than `most`.

    Asked of the log by the ids that no month's partition takes: the application's role has no right on a partition.
    """
    gaps = _gaps(_months())
    outside = " OR ".join(["(id >= %s AND id < %s)"] * len(gaps))
    counted = f"SELECT count(*) FROM (SELECT FROM {LOG} WHERE {outside} LIMIT %s) AS strays"  # noqa: S608  # nosec B608
    with connection.cursor() as cursor:
        cursor.execute(counted, [*(bound for gap in gaps for bound in gap), most + 1])
        return int(cursor.fetchone()[0])


def _months() -> list[datetime]:
    """That have a partition, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT substring(inhrelid::regclass::text FROM '([0-9]{4}_[0-9]{2})$') FROM pg_inherits "
            "WHERE inhparent = %s::regclass",
            [LOG],
        )
        names = sorted(name for (name,) in cursor.fetchall() if name)
    return [datetime(int(name[:4]), int(name[5:]), 1, tzinfo=UTC) for name in names]


def _gaps(months: list[datetime]) -> list[tuple[UUID, UUID]]:
    """Ranges of ids outside of these months, from the first to before the second."""
    ends, found = [_LOWEST], []
    for month in months:
        start = first_id_of(month)
        if start > ends[-1]:
            found.append((ends[-1], start))
        ends.append(first_id_of(month_start(month, months_later=1)))
    return [*found, (ends[-1], _HIGHEST)]
