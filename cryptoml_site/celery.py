"""Tasks: found in each app's `tasks` module; the trainer is told to import `training.fitting.tasks` too."""

import os
from typing import Any

from celery import Celery, Task
from celery.signals import before_task_publish, task_prerun

from registry.request_ids import current_request_id

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cryptoml_site.settings")

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
