"""Each day's figures as a file, for who tails files: written once the day is final, and again when it changes."""

import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import orjson
from django.conf import settings

from monitoring.metrics.spans import Span, floor, following
from monitoring.metrics.summary import of_stretch

DAY = timedelta(days=1)


def path_of(day: datetime) -> Path:
    return Path(settings.CRYPTOML_HOME) / "logs" / "metrics" / f"{day:%Y%m%d}.json"


def write_days(changed: Iterable[datetime], *, final_to: datetime) -> list[Path]:
    """The files of these days, where they are over and counted; yesterday's too, if a kill kept it from being made."""
    over = {day for day in changed if day + DAY <= final_to}
    newest = floor(final_to, Span.DAY) - DAY
    if not path_of(newest).exists():
        over.add(newest)
    return [_write(day) for day in sorted(over)]


def _write(day: datetime) -> Path:
    """In one move: who reads finds the old file or the new one."""
    path = path_of(day)
    path.parent.mkdir(parents=True, exist_ok=True)
    body = {"date": f"{day:%Y%m%d}", **of_stretch(day, following(day, Span.DAY))}
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    beside.write_bytes(orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE))
    beside.replace(path)
    return path
