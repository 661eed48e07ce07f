from datetime import UTC, datetime

from django.utils.dateparse import parse_datetime


def utc_moment(text: str) -> datetime | None:
    """Without an offset it is UTC; None for what is no moment.

    >>> utc_moment("2026-11-23T10:00"), utc_moment("tomorrow")
    (datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.timezone.utc), None)
    """
    try:
        found = parse_datetime(text)
        if found is None or found.tzinfo is None:
            return found and found.replace(tzinfo=UTC)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):  # there is no such day, or none in UTC
        return None
