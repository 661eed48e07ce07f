"""What any provider may reply with: words that go into a sentence of ours, and how long it asks us to wait."""

from datetime import datetime
from email.utils import parsedate_to_datetime

LONGEST_QUOTE = 200  # characters


def one_line(words: str) -> str:
    """Short, and without what a terminal would obey.

    >>> one_line("Too many\\n requests\\x1b[31m")
    'Too many requests [31m'
    """
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())[:LONGEST_QUOTE]


def retry_after(text: str, *, at: datetime) -> float | None:
    """Seconds by that header, which has seconds or a date; None where it has neither."""
    if text.strip().isdecimal():
        return float(text.strip()[:9])
    try:
        return (parsedate_to_datetime(text) - at).total_seconds()
    except (ValueError, TypeError):  # no date, or one without a zone
        return None
