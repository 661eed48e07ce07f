"""UUIDv7 from the site's own clock: ids of the log sort by time, and its partitions are ranges of them."""

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7 as uuid7_at


def uuid7(moment: datetime) -> UUID:
    """A new id that bears this moment."""
    return uuid7_at(nanoseconds=round(moment.timestamp() * 1_000) * 1_000_000)


def first_id_of(moment: datetime) -> UUID:
    """The lowest id that can bear this moment: a bound for ranges, no id of a row. None is lower than 1970's."""
    return UUID(int=max(round(moment.timestamp() * 1_000), 0) << 80)
