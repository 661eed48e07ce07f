"""The workers and beat as this web process last saw them; who asks for it waits for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cryptoml_site.clock import now
from monitoring.models import WorkerHeartbeat
from monitoring.models.heartbeats import BEAT
from monitoring.workers.lost import lost


class Seen:
    """Swapped whole, by whoever looks. Ages are those at the last look: while Postgres is away nobody grows old."""

    def __init__(self) -> None:
        self._seen: tuple[datetime, Sequence[WorkerHeartbeat]] | None = None

    def look(self) -> None:
        """Raises django.db.Error while Postgres is away; what was seen stays."""
        self._seen = now(), tuple(WorkerHeartbeat.objects.all())

    def degraded(self) -> list[str]:
        """A sentence for each duty that nobody does any more."""
        if self._seen is None:
            return []
        at, rows = self._seen
        return [each.sentence for each in lost(rows, at=at)]

    def as_json(self) -> dict[str, Any]:
        """No host is named. beat: null where none was ever seen, or it stopped in order."""
        at, rows = self._seen or (now(), ())
        beats = [row for row in rows if BEAT in row.duties]
        newest = max(beats, key=lambda row: row.seen_at, default=None)
        return {
            "beat": newest and {"seen_seconds_ago": _seconds(at, newest.seen_at)},
            "workers": [_worker_json(row, at) for row in rows if BEAT not in row.duties],
        }


def _worker_json(row: WorkerHeartbeat, at: datetime) -> dict[str, Any]:
    return {
        "name": row.name,
        "queues": row.duties,
        "seen_seconds_ago": _seconds(at, row.seen_at),
        "doing": row.doing or None,
        "doing_seconds": None if row.doing_since is None else _seconds(at, row.doing_since),
    }


def _seconds(at: datetime, moment: datetime) -> float:
    return round(max((at - moment).total_seconds(), 0.0), 1)


seen = Seen()  # one per process
look = seen.look  # for settings.FLEET_LOOKS
