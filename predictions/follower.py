"""The thread that keeps this process on the ledger, and says that it lives."""

import logging
import os
import platform
import threading
import time
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import Error, close_old_connections, connection

from cryptoml_site.clock import now
from predictions.engine import Engine, engine
from predictions.models import WebProcess

logger = logging.getLogger(__name__)
POLL_SECONDS = 0.25
HEARTBEAT_SECONDS = 2.0


class Follower(threading.Thread):
    """Polls the generation; poll and load together stay under the promised second."""

    def __init__(self, followed: Engine) -> None:
        super().__init__(name="ledger-follower", daemon=True)
        self.engine = followed
        self.process_id: UUID = uuid4()
        self.last_look: float | None = None  # time.monotonic() of the last look that reached Postgres
        self._stop_asked = threading.Event()
        self._last_beat = -HEARTBEAT_SECONDS

    def run(self) -> None:
        while not self._stop_asked.wait(POLL_SECONDS):
            self.try_to_look()
        connection.close()

    def stop(self) -> None:
        self._stop_asked.set()

    def try_to_look(self) -> None:
        """While Postgres is away the process goes on with what it has; `seconds_behind` tells."""
        try:
            close_old_connections()
            self.look()
        except Error as error:
            logger.warning("the ledger cannot be read: %s", error)
            connection.close()
        except Exception:  # recorded; a follower that ended would leave its process behind for good
            logger.exception("the ledger cannot be followed")

    def look(self) -> None:
        """One turn: what the ledger says now, and a heartbeat when it is time for one."""
        self.engine.refresh()
        self.last_look = time.monotonic()
        if self.last_look - self._last_beat >= HEARTBEAT_SECONDS:
            self.beat()

    def beat(self) -> None:
        snapshot, moment = self.engine.snapshot, now()
        WebProcess.objects.update_or_create(
            id=self.process_id,
            defaults={"generation": snapshot.generation, "problems": dict(snapshot.problems), "seen_at": moment},
            create_defaults={
                "host": platform.node(),
                "pid": os.getpid(),
                "generation": snapshot.generation,
                "problems": dict(snapshot.problems),
                "started_at": moment,
                "seen_at": moment,
            },
        )
        WebProcess.objects.filter(seen_at__lt=moment - timedelta(days=1)).delete()
        self._last_beat = time.monotonic()

    def seconds_behind(self) -> float | None:
        """Since the ledger was last read; None before the first time."""
        return None if self.last_look is None else time.monotonic() - self.last_look


follower = Follower(engine)


def follow() -> None:
    """Look once, so that the first request finds its model, then go on in the thread. Called after the spawn."""
    follower.try_to_look()
    follower.start()
