"""Beat, which says at its ticks that it lives: a process that hangs ticks no more."""

import time
from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler

from monitoring.models.heartbeats import BEAT
from monitoring.workers.heart import EVERY, Pulse


class BeatingScheduler(DatabaseScheduler):  # type: ignore[misc]  # it ships no types
    """For settings.CELERY_BEAT_SCHEDULER."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._pulse = Pulse(BEAT, [BEAT])
        self._beaten_at = -EVERY
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        wait = super().tick(*args, **kwargs)
        if time.monotonic() - self._beaten_at >= EVERY:
            self._pulse.beat()
            self._beaten_at = time.monotonic()
        return wait

    def close(self) -> None:
        super().close()
        self._pulse.end()
