from datetime import UTC, datetime

from django.utils.dateparse import parse_datetime


def utc_moment(text: str) -> datetime | None:
    """Without an offset it is UTC; None for what is no moment.

    >>> utc_moment("2026-11-23T10:00"), utc_moment("tomorrow")
    (datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.timezone.utc), None)
    """
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found
