"""Rows that come into the log long after their minute: whoever counts minutes has to count that one again.

A pass of the counting takes a minute for final once it ended longer ago than FINAL_AFTER, and longer before the oldest
transaction that writes. So what is late by a smaller measure is noted, with room between the two for clocks that differ
and for a process that was stopped between its look at the clock and its row.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from cryptoml_site.clock import now

MINUTE = timedelta(minutes=1)
LATE_AFTER = timedelta(seconds=60)  # after its minute's end
FINAL_AFTER = timedelta(seconds=120)
STALL = 30.0  # seconds between the look at the clock and the stored row, after which one looks again

_MILLISECONDS = 60_000  # of a minute
NOTE = """
INSERT INTO predictions_lateminute (minute, noted_at) SELECT minute, %s FROM unnest(%s::timestamptz[]) AS minute
"""
NOTE_SPOOLED = """
INSERT INTO predictions_lateminute (minute, noted_at)
SELECT DISTINCT date_bin('1 minute', uuid_extract_timestamp(id), 'epoch'), %s::timestamptz FROM spooled WHERE id < %s
"""


def minute_of(moment: datetime) -> datetime:
    """When its minute began."""
    return moment.replace(second=0, microsecond=0)


def late_before() -> datetime:
    """Rows that bear an earlier moment are late by now."""
    return minute_of(now() - LATE_AFTER)


def late_minutes(milliseconds: Iterable[int]) -> list[datetime]:
    """Those minutes of these moments, in milliseconds since 1970, that a row which is stored now is late for."""
    bound = int(late_before().timestamp()) * 1_000
    late = {moment // _MILLISECONDS for moment in milliseconds if moment < bound}
    return [datetime.fromtimestamp(60 * minute, UTC) for minute in sorted(late)]
