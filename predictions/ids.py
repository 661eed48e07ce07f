"""UUIDv7 from the site's own clock: ids of the log sort by time, and its partitions are ranges of them."""

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7 as uuid7_at


def uuid7(moment: datetime) -> UUID:
    """A new id that bears this moment."""
    return uuid7_at(nanoseconds=_milliseconds(moment) * 1_000_000)


def uuid7s(moment: datetime, count: int) -> list[UUID]:
    """So many new ids, ascending."""
    nanoseconds = _milliseconds(moment) * 1_000_000
    return sorted([uuid7_at(nanoseconds=nanoseconds) for _ in range(count)])


def first_id_of(moment: datetime) -> UUID:
    """The lowest id that can bear this moment: a bound for ranges, no id of a row. None is lower than 1970's."""
    return UUID(int=max(_milliseconds(moment), 0) << 80)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)
