"""Tasks: found in each app's `tasks` module; the trainer is told to import `training.fitting.tasks` too."""

import logging
import os
from time import perf_counter
from typing import Any

from celery import Celery, Task
from celery.signals import before_task_publish, task_postrun, task_prerun

from registry.request_ids import current_request_id
from registry.told import tell

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cryptoml_site.settings")

tasks = logging.getLogger("cryptoml.tasks")

app = Celery("cryptoml")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@before_task_publish.connect
def name_the_request(headers: dict[str, Any], **kwargs: object) -> None:
    """A task bears the id of the request that enqueues it, and passes it on to those that it enqueues itself."""
    if named := current_request_id.get():
        headers.setdefault("request_id", named)


@task_prerun.connect
def take_the_requests_name(task: Task[Any, Any], **kwargs: object) -> None:
    current_request_id.set(task.request.get("request_id") or "")
    task.request.began = perf_counter()  # type: ignore[attr-defined]  # it takes any


@task_postrun.connect
def tell_of_it(task: Task[Any, Any], task_id: str, state: str | None = None, **kwargs: object) -> None:
    """One line of each task, whatever came of it; why one failed is an error line of its own."""
    tell(
        tasks,
        "task",
        logging.ERROR if state == "FAILURE" else logging.INFO,
        request_id=current_request_id.get(),
        task_id=task_id,
        task=task.name,
        state=(state or "").lower(),
        ms=round((perf_counter() - getattr(task.request, "began", perf_counter())) * 1_000, 1),
    )
