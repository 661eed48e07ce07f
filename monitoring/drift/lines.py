"""Incidents as a file of JSON lines a day, for who tails files: a line for each change of an incident's state.

At least once: a line is written first and noted after. Its id is made of the incident and of what happened, so that who
reads it twice can tell.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid5

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from monitoring.models import DriftEvent, DriftLine
from registry.daily_files import turn_over

LOCK = 0x4C494E45  # 'LINE': one process at a time appends
NAMESPACE = UUID("6f1c6c2e-5a53-4f0b-9a86-5d2b6f0e7a11")  # of these ids; drawn once
MOMENTS = {"opened": "opened_at", "acknowledged": "acknowledged_at", "closed": "closed_at"}


def path() -> Path:
    return Path(settings.CRYPTOML_HOME) / "logs" / "drift_events.jsonl"


def write_lines() -> int:
    """What is not in the file yet; how many lines. Where another process is at it, it does it all."""
    with transaction.atomic():
        if not _locked():
            return 0
        changes = sorted(_unwritten(), key=lambda change: change[2])
        if changes:
            _append(b"".join(map(_line, changes)))
            DriftLine.objects.bulk_create(DriftLine(event=event, what=what) for event, what, _ in changes)
        return len(changes)


Change = tuple[DriftEvent, str, datetime]


def _unwritten() -> Iterator[Change]:
    for what, field in MOMENTS.items():
        written = DriftLine.objects.filter(event=OuterRef("pk"), what=what)
        for event in _rows().filter(~Exists(written), **{f"{field}__isnull": False}):
            yield event, what, getattr(event, field)


def _rows() -> QuerySet[DriftEvent]:
    return DriftEvent.objects.select_related("model", "version")


def _line(change: Change) -> bytes:
    event, what, at = change
    by = {"acknowledged": event.acknowledged_by, "closed": event.closed_by}.get(what)
    return orjson.dumps(
        {
            "id": uuid5(NAMESPACE, f"{event.pk}:{what}"),
            "event": what,
            "at": at,
            "incident": event.pk,
            "model": event.model.name,
            "version": event.version.number,
            "channel": event.channel,
            "sentence": event.sentence,
            "by": by,
            "note": event.note if by else "",
        },
        option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE,
    )


def _append(lines: bytes) -> None:
    """In one write, so that who tails the file sees no half line; after the half one of a full disk, a new line."""
    target = path()
    target.parent.mkdir(parents=True, exist_ok=True)
    turn_over(target, datetime.now(UTC).date())  # by the disk's clock, as the file's own moment is
    file = os.open(target, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        whole = b"\n" + lines if torn else lines
        if os.write(file, whole) != len(whole):
            raise OSError(f"the disk of {target} takes no more")
    finally:
        os.close(file)


def _locked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])
