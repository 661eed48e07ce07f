"""Tasks that failed: each is an error line, and is counted where responses are, by the process that saw it fail.

So the counts come the same way: by minute and process as absolute values, rolled up, never falling. A row of theirs
has TASK for a method, which no request can have, and the task's name for a route.
"""

from __future__ import annotations

import logging
import sys
from threading import Lock
from typing import Any
from uuid import uuid4

from celery import Task
from celery.signals import task_failure, task_postrun, worker_process_init
from django.db import Error

from predictions.response_times import TASK, ResponseTimes
from registry.request_ids import current_request_id

errors = logging.getLogger("cryptoml.errors")


class FailedTasks:
    """Of this process. What Postgres does not take is handed in after a later task."""

    def __init__(self) -> None:
        self.process = uuid4()
        self._counts = ResponseTimes()
        self._owed = False
        self._lock = Lock()  # the fetcher's tasks are threads

    def record(self, task: str, error: BaseException) -> None:
        self._counts.record(
            method=TASK, route=task, status=500, code=type(error).__name__, model="", version=None, seconds=0.0
        )
        self._owed = True

    def hand_in(self) -> None:
        with self._lock:
            if not self._owed:
                return
            self._owed = False
            try:
                self._counts.flush(self.process)
            except Error:
                self._owed = True


failed_tasks = FailedTasks()


@worker_process_init.connect
def begin_anew(**kwargs: object) -> None:
    """In a process that was forked: two that bore one id would overwrite each other's rows."""
    failed_tasks.__init__()  # type: ignore[misc]


@task_failure.connect
def tell(sender: Task[Any, Any], task_id: str, exception: BaseException, **kwargs: object) -> None:
    error = sys.exc_info()[1] or exception  # Celery's own is another where ours cannot be pickled
    told = {"task": sender.name, "task_id": task_id, "request_id": current_request_id.get(), "code": "task_failed"}
    errors.error("%s failed", sender.name, exc_info=error, extra={"told": told})
    failed_tasks.record(sender.name, error)


@task_postrun.connect
def hand_in(**kwargs: object) -> None:
    failed_tasks.hand_in()
