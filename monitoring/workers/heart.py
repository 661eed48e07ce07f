"""A worker says that it lives, from its main process: its consumer's loop turns, or a task keeps it from turning."""

from __future__ import annotations

import logging
import os
import platform
import time
from contextlib import suppress
from datetime import datetime
from threading import Event, Thread
from typing import Any
from uuid import UUID, uuid4

from celery import signals
from django.db import Error, close_old_connections, connection

from cryptoml_site.clock import now
from monitoring.models import WorkerHeartbeat

EVERY = 10.0  # seconds
TURN = 5.0  # seconds between two turns of the loop that are noted
STUCK_AFTER = 30.0  # seconds without one
SECONDS_TO_STOP = 2.0
logger = logging.getLogger(__name__)


class Pulse:
    """The row of this process."""

    def __init__(self, name: str, duties: list[str]) -> None:
        self.id: UUID = uuid4()
        self._made = {
            "name": name[:100],
            "duties": duties,
            "host": platform.node(),
            "pid": os.getpid(),
            "started_at": now(),
        }

    def beat(self, doing: str = "", since: datetime | None = None) -> None:
        """While Postgres is away nothing can be said, and nobody is to be stopped by that."""
        try:
            close_old_connections()
            moment = now()
            told = {"seen_at": moment, "doing": doing[:200], "doing_since": since}
            WorkerHeartbeat.objects.update_or_create(id=self.id, defaults=told, create_defaults=self._made | told)
            WorkerHeartbeat.objects.forget_replaced(moment)
        except Error as error:
            logger.warning("no heartbeat: %s", error)
            connection.close()

    def end(self) -> None:
        """It stops in order: nobody is to miss it."""
        with suppress(Error):
            WorkerHeartbeat.objects.filter(pk=self.id).delete()


class Heart(Thread):
    """Beats from a thread, so that a long task of a worker with one process does not look like its death."""

    def __init__(self, pulse: Pulse, *, waits_for_tasks: bool) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.pulse = pulse
        self.waits_for_tasks = waits_for_tasks  # its loop stands still while it is at a task
        self.doing: dict[str, tuple[str, datetime]] = {}  # by the task's id
        self._turned_at = time.monotonic()
        self._stop_asked = Event()

    def turned(self) -> None:
        self._turned_at = time.monotonic()

    @property
    def lives(self) -> bool:
        if self.waits_for_tasks and self.doing:
            return True
        return time.monotonic() - self._turned_at < STUCK_AFTER

    def run(self) -> None:
        while True:
            if self.lives:
                name, since = next(iter(self.doing.copy().values()), ("", None))
                self.pulse.beat(name, since)
            else:
                logger.error("the worker's loop stands still and no task is under way: no heartbeat")
            if self._stop_asked.wait(EVERY):
                break
        connection.close()

    def stop(self) -> None:
        self._stop_asked.set()
        self.join(SECONDS_TO_STOP)
        self.pulse.end()


_hearts: list[Heart] = []  # the one of this process, where it is a worker


def begin(sender: Any, **kwargs: object) -> None:
    """The worker's consumer is ready. In a child of the pool nothing of this happens."""
    queues = sorted(sender.task_consumer.queues, key=str) if sender.task_consumer else []
    pulse = Pulse(sender.hostname.partition("@")[0], [str(getattr(queue, "name", queue)) for queue in queues])
    heart = Heart(pulse, waits_for_tasks=type(sender.pool).__module__.endswith(".solo"))
    sender.timer.call_repeatedly(TURN, heart.turned)
    _hearts.append(heart)
    heart.start()


def begin_task(task_id: str, task: Any, **kwargs: object) -> None:
    for heart in _hearts:
        heart.doing[task_id] = (task.name, now())


def end_task(task_id: str, **kwargs: object) -> None:
    for heart in _hearts:
        heart.doing.pop(task_id, None)


def end(**kwargs: object) -> None:
    while _hearts:
        _hearts.pop().stop()


def listen() -> None:
    """To what Celery tells of a worker's life: it has no other hooks."""
    signals.worker_ready.connect(begin, dispatch_uid="monitoring.workers.begin")
    signals.task_prerun.connect(begin_task, dispatch_uid="monitoring.workers.begin_task")
    signals.task_postrun.connect(end_task, dispatch_uid="monitoring.workers.end_task")
    signals.worker_shutdown.connect(end, dispatch_uid="monitoring.workers.end")
