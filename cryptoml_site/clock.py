"""The only source of the time. A test drives every process of the site by writing a moment into CLOCK_FILE."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings


def now() -> datetime:
    """The present, aware, in UTC; the moment written in `settings.CLOCK_FILE` where one is set.

    Raises FileNotFoundError or ValueError when CLOCK_FILE is set and holds no ISO 8601 moment: a test whose clock is
    lost must not go on by the wall clock.
    """
    if settings.CLOCK_FILE is None:
        return datetime.now(UTC)
    return datetime.fromisoformat(Path(settings.CLOCK_FILE).read_text().strip()).astimezone(UTC)


def moment(text: str) -> datetime:
    """A date or a moment, UTC where it names no zone, as argparse asks: an error of its own for anything else."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"'{text}' is no moment: write 2024-01-31, or 2024-01-31T12:00 (UTC)") from error
    return read if read.tzinfo else read.replace(tzinfo=UTC)
