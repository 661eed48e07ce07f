"""Which work nobody does any more, by the heartbeats of those who did it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitoring.models.heartbeats import BEAT, WorkerHeartbeat
from training.concerns import span


@dataclass(frozen=True)
class Lost:
    """duty: a queue, or `beat`. last: the process that was seen last at it."""

    duty: str
    last: WorkerHeartbeat
    silent: timedelta

    @property
    def subject(self) -> str:
        return self.duty if self.duty == BEAT else f"queue {self.duty}"

    @property
    def sentence(self) -> str:
        seen = f"last seen {span(self.silent)} ago; look whether it runs"
        if self.duty == BEAT:
            return f"beat sends nothing that is due: it was {seen}"
        return f"nobody works at the queue '{self.duty}': {self.last.name} was {seen}"


def lost(rows: Sequence[WorkerHeartbeat], *, at: datetime, silence: timedelta = WorkerHeartbeat.SILENCE) -> list[Lost]:
    """Duties whose every process is silent for longer. A site that was just started has as long to start the others.

    What never ran, or stopped in order, is no loss: with no row at all nothing is said.
    """
    by_duty: dict[str, list[WorkerHeartbeat]] = defaultdict(list)
    for row in rows:
        for duty in row.duties:
            by_duty[duty].append(row)
    started = min((row.started_at for row in rows if at - row.seen_at <= silence), default=None)
    found = []
    for duty, held in sorted(by_duty.items()):
        last = max(held, key=lambda row: row.seen_at)
        since = last.seen_at if started is None else max(last.seen_at, started)
        if at - since > silence:
            found.append(Lost(duty, last, at - last.seen_at))
    return found
