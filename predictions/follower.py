"""The thread that keeps this process on the ledger and on the keys, and says that it lives."""

import logging
import os
import platform
import threading
import time
from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import Error, close_old_connections, connection

from cryptoml_site.clock import now
from cryptoml_site.errors import Unavailable
from predictions import state
from predictions.engine import Engine, engine
from predictions.fleet import fleet
from predictions.keyring import KeyRing, keyring
from predictions.log import Log, log
from predictions.models import WebProcess
from predictions.notifications import KEYS, Notifications
from predictions.response_times import response_times

logger = logging.getLogger(__name__)
POLL_SECONDS = 0.5  # the longest between two looks, should a notification be lost
HEARTBEAT_SECONDS = 2.0
SECONDS_TO_STOP = 2.0
AWAY_AFTER = 3.0  # seconds without an answer of Postgres


class Follower(threading.Thread):
    """Looks when Postgres notifies, and by a poll for certainty: both with the load stay under the promised second."""

    def __init__(self, followed: Engine, keys: KeyRing, written: Log) -> None:
        super().__init__(name="ledger-follower", daemon=True)
        self.engine = followed
        self.keys = keys
        self.log = written
        self.process_id: UUID = uuid4()
        self.live_processes = 1  # as last counted
        self.last_look: float | None = None  # time.monotonic() when the last look began that reached Postgres
        self._notifications = Notifications()
        self._stop_asked = threading.Event()
        self._last_beat = -HEARTBEAT_SECONDS
        self._last_keys = -KeyRing.LIFE
        self._keys_changed = False  # and were not read since

    def run(self) -> None:
        while not self._stop_asked.is_set():
            heard = self._notifications.wait(POLL_SECONDS)
            self.try_to_look(keys=KEYS in heard)
        self._notifications.close()
        with suppress(Error):
            response_times.flush(self.process_id)
        connection.close()

    def stop(self) -> None:
        self._stop_asked.set()

    def try_to_look(self, *, keys: bool = False) -> None:
        """While Postgres is away the process goes on with what it has; `seconds_behind` tells."""
        try:
            close_old_connections()
            self.look(keys=keys)
        except Error as error:
            logger.warning("the ledger cannot be read: %s", error)
            connection.close()
        except Exception:  # recorded; a follower that ended would leave its process behind for good
            logger.exception("the ledger cannot be followed")

    def look(self, *, keys: bool = False) -> None:
        """One turn: what the ledger says now, the keys and a heartbeat when it is time for them."""
        before = self.engine.snapshot
        moment = time.monotonic()
        self._keys_changed |= keys  # a look that fails is told only once
        if self._keys_changed or moment - self._last_keys >= KeyRing.LIFE:  # first: a bundle may take long to load
            self.keys.load()
            self._last_keys, self._keys_changed = moment, False
        snapshot = self.engine.refresh()
        self.last_look = moment  # as the ledger was then; it may have moved since, however long this look took
        if snapshot is not before or self._last_keys == moment:
            state.save(snapshot, self.keys)
        if moment - self._last_beat >= HEARTBEAT_SECONDS:
            self.beat()

    def beat(self) -> None:
        snapshot, moment = self.engine.snapshot, now()
        told = {
            "generation": snapshot.generation,
            "problems": dict(snapshot.problems),
            "spool_rows": self.log.spool.rows,
            "seen_at": moment,
        }
        made = {"host": platform.node(), "pid": os.getpid(), "started_at": moment}
        WebProcess.objects.update_or_create(id=self.process_id, defaults=told, create_defaults=told | made)
        WebProcess.objects.filter(seen_at__lt=moment - timedelta(days=1)).delete()
        fleet.look()
        self.live_processes = max(1, len(fleet.processes))
        response_times.flush(self.process_id)
        self._last_beat = time.monotonic()

    def check_reachable(self) -> None:
        """Raises Unavailable where Postgres gave no answer lately: to ask it would hold a thread that others need."""
        behind = self.seconds_behind()
        if behind is not None and behind > AWAY_AFTER:
            raise Unavailable("the database does not answer: try again", code="database_unavailable")

    def seconds_behind(self) -> float | None:
        """Since the ledger was last read; None before the first time."""
        return None if self.last_look is None else time.monotonic() - self.last_look


follower = Follower(engine, keyring, log)


def follow() -> None:
    """Look once, so that the first request finds its model and its key, then go on in the thread. After the spawn."""
    keyring.check_reachable = follower.check_reachable
    follower.try_to_look()
    if follower.last_look is None:
        state.restore(engine, keyring)
    log.start()
    follower.start()


def let_go() -> None:
    """At a graceful stop: what was handed over is stored, what was counted is told."""
    log.drain()
    follower.stop()
    follower.join(SECONDS_TO_STOP)
