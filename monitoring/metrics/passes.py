"""A pass of the counting: every minute that may have changed is counted anew, in one transaction.

Whatever the writers of the log and other passes do meanwhile, nothing is counted twice, for nothing is added to, and
nothing is missed: a minute is final only when no transaction that writes into the log is older, and a row that comes
later names its minute (predictions.log.late).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from cryptoml_site.clock import now
from monitoring.metrics import answers, responses
from monitoring.metrics.spans import BEGINNING, END, Span, Stretch, ceiling, floor, following, joined
from monitoring.models import Watermark
from predictions.ids import first_id_of
from predictions.log.late import FINAL_AFTER, MINUTE
from predictions.models import DroppedMonth, ResponseMinute

LOCK = 0x524F4C4C  # 'ROLL': the key of the advisory lock under which one pass goes at a time
MOST = timedelta(hours=6)  # of history in one pass; the next goes on

# By its lock on the log a writer is known before it has stored anything. As an age: tests drive the clock of the site.
_OLDEST_WRITER = """
SELECT max(clock_timestamp() - activity.xact_start)
FROM pg_locks AS held JOIN pg_stat_activity AS activity USING (pid)
WHERE held.relation = 'predictions_prediction'::regclass AND held.mode = 'RowExclusiveLock' AND held.granted
    AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
"""
_OLDEST_ROW = """
SELECT uuid_extract_timestamp(id) FROM predictions_prediction WHERE id >= %s ORDER BY id LIMIT 1
"""


@dataclass(frozen=True)
class Pass:
    """What one pass did; `caught_up` is False where the next has more to do at once."""

    final_to: datetime
    stretches: list[Stretch]
    late: int  # minutes
    changed_days: frozenset[datetime]
    caught_up: bool

    def __str__(self) -> str:
        return f"final to {self.final_to:%Y-%m-%d %H:%M}, {self.late} late minutes counted again"


def roll_up() -> Pass | None:
    """One pass; None where another is at it."""
    with transaction.atomic():
        if not _locked():
            return None
        mark = Watermark.objects.filter(pk=1).first()
        goal = floor(now() - FINAL_AFTER - _age_of_oldest_writer(), Span.MINUTE)  # before anything is read
        late = _taken_late_minutes()
        newest, caught_up = _newest_stretch(mark, goal)
        parts = [newest, *(Stretch(minute, minute + MINUTE) for minute in late)]
        stretches = joined(kept for part in parts if (kept := _kept(part, mark)))
        for stretch in stretches:
            answers.rebuild(stretch)
        told = responses.told_since(_since(mark, goal) or newest.start, before=newest.end)
        responses.rebuild(told)
        final_to = goal if caught_up else newest.end
        Watermark.objects.update_or_create(pk=1, defaults={"final_to": final_to, "passed_at": now()})
        changed = _days([*stretches, Stretch(mark.final_to if mark else newest.start, final_to)], told)
        return Pass(final_to, stretches, len(late), changed, caught_up)


def _days(stretches: Iterable[Stretch], minutes: Iterable[datetime]) -> frozenset[datetime]:
    """Those until now that lie in the stretches or hold one of the minutes."""
    days = {floor(minute, Span.DAY) for minute in minutes}
    for stretch in stretches:
        day = floor(stretch.start, Span.DAY)
        while day < min(stretch.end, now()):
            days.add(day)
            day = following(day, Span.DAY)
    return frozenset(days)


def lock() -> None:
    """Wait until no pass goes on, and let none begin before this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _locked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def _age_of_oldest_writer() -> timedelta:
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_WRITER)
        return max(cursor.fetchone()[0] or timedelta(0), timedelta(0))


def _taken_late_minutes() -> list[datetime]:
    """Each with all the rows that named it: what is taken here is committed, and so is seen by what counts after."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM predictions_lateminute RETURNING minute")
        return sorted({minute for (minute,) in cursor.fetchall()})


def _since(mark: Watermark | None, goal: datetime) -> datetime | None:
    """From when on no minute is final; None where none was ever counted. The clock may have been set back."""
    return min(mark.final_to, goal) if mark else None


def _newest_stretch(mark: Watermark | None, goal: datetime) -> tuple[Stretch, bool]:
    """What is not final, and whether it is all. It has no end: a row of a clock that is ahead of ours counts too."""
    start = _first_minute(_since(mark, goal), goal)
    if goal - start > MOST:
        return Stretch(start, floor(start + MOST, Span.HOUR)), False
    return Stretch(start, END), True


def _first_minute(since: datetime | None, goal: datetime) -> datetime:
    """Of what there is to count from that moment on; a year without rows is not walked through hour by hour."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_ROW, [first_id_of(since or BEGINNING)])
        found = [row[0] for row in cursor.fetchall()]
    told = ResponseMinute.objects.order_by("minute").values_list("minute", flat=True)
    found += list((told.filter(minute__gte=since) if since else told)[:1])
    return min([floor(moment, Span.MINUTE) for moment in found] + [goal])


def _kept(stretch: Stretch, mark: Watermark | None) -> Stretch | None:
    """As much of it as can be counted: not the months that are dropped, but the whole of an hour or day whose minutes
    or hours are deleted, for what holds them could not be made of the others."""
    start, end = stretch.start, stretch.end
    for kept_from, span in ((mark and mark.minutes_from, Span.HOUR), (mark and mark.hours_from, Span.DAY)):
        if kept_from and start < kept_from:
            start = floor(start, span)
            end = max(end, min(ceiling(end, span), kept_from))
    start = max(start, _dropped_to())
    return Stretch(start, end) if start < end else None


def _dropped_to() -> datetime:
    newest = DroppedMonth.objects.order_by("-month").values_list("month", flat=True).first()
    if newest is None:
        return BEGINNING
    return following(datetime(newest.year, newest.month, 1, tzinfo=UTC), Span.MONTH)
