"""What somebody asks of the metrics: a window, a model, a day; refused where it cannot be meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, InvalidFields, Problem, Unknown
from monitoring.metrics.reading import Choice
from registry.models import ModelVersion, RegisteredModel

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
LONGEST_WINDOW = timedelta(days=366)
MOST_DAYS = 365


def refuse_strangers(asked: Mapping[str, str], known: Collection[str]) -> None:
    """A filter that there is not is refused: ignored, it would get figures of something else."""
    allowed = ", ".join(known)
    strangers = [
        Problem("unknown_filter", name, f"there is no parameter '{name}': there are {allowed}")
        for name in asked
        if name not in known and name != "format"
    ]
    if strangers:
        raise InvalidFields(strangers)


def window(text: str) -> timedelta:
    """So many minutes, hours or days: 15m, 24h, 7d."""
    read = re.fullmatch(r"([0-9]{1,6})([mhd])", text)
    length = int(read[1]) * UNITS[read[2]] if read else timedelta(0)
    if not timedelta(0) < length <= LONGEST_WINDOW:
        raise _wrong("window", text, "say 15m, 24h or 7d, at most 366d")
    return length


def choice(asked: Mapping[str, str]) -> Choice:
    """Raises Unknown for a model or version that we do not hold, Invalid for a version without a model."""
    name, number = asked.get("model"), asked.get("version")
    if number is not None and name is None:
        raise Invalid("a version is counted by its model: send 'model' too", code="missing_field", field="model")
    if name is not None and not RegisteredModel.objects.filter(name=name).exists():
        raise Unknown(f"there is no model '{name[:64]}': GET /models/list names them all", field="model")
    return Choice(name, version_number(name, number) if number is not None else None)


def day(text: str) -> datetime:
    """When that day of UTC began: 20261123."""
    if not re.fullmatch(r"[0-9]{8}", text):
        raise _wrong("date", text, "write a day as YYYYMMDD, 20261123 say")
    try:
        start = datetime(int(text[:4]), int(text[4:6]), int(text[6:]), tzinfo=UTC)
    except ValueError as error:
        raise _wrong("date", text, "there is no such day: write one as YYYYMMDD, 20261123 say") from error
    if start > now():
        raise _wrong("date", text, "it has not begun yet: ask for a day that has")
    return start


def days(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= MOST_DAYS:
        raise _wrong("days", text, f"send a whole number from 1 to {MOST_DAYS}")
    return int(text)


def version_number(model: str | None, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise _wrong("version", text, "send its number, 3 say")
    if not ModelVersion.objects.filter(model__name=model, number=int(text)).exists():
        raise Unknown(f"'{model}' has no version {int(text)}: GET /models/{model} names them all", field="version")
    return int(text)


def _wrong(field: str, text: str, what_to_do: str) -> Invalid:
    return Invalid(f"'{text[:64]}' is no {field}: {what_to_do}", code=f"bad_{field}", field=field)
