"""The door to the trainer, for those who must not import what fits models."""

from celery import current_app
from django.db import transaction

from cryptoml_site.clock import now
from registry.models import ModelImport
from registry.uploads import TASK as IMPORT
from training.models import TrainingRun

TRAIN = "training.train"
FOLLOW_POLICY = "data.follow_policy"


def enqueue(run: TrainingRun) -> None:
    """Send the run its task once it is committed. Where the broker is away, or loses it, the sweep sends it again."""
    transaction.on_commit(lambda: send(TRAIN, run.pk), robust=True)  # a partial has no __qualname__, which Django logs


def enqueue_next(run: TrainingRun) -> None:
    """Send the task of the run that waited for the end of this one: the same model's, whose turn it was not."""
    waiting = TrainingRun.objects.ready(now()).filter(model=run.model_id).order_by("pk").first()
    if waiting is not None:
        enqueue(waiting)


def sweep() -> int:
    """Go on with what a killed process left undone, and send what waits its task; how many were sent one."""
    waiting = [(TRAIN, pk) for pk in TrainingRun.objects.sweep()] + [(IMPORT, pk) for pk in ModelImport.objects.sweep()]
    waiting += [(FOLLOW_POLICY, run.pk) for run in TrainingRun.objects.unconsidered(now())]
    for task, pk in waiting:
        send(task, pk)
    return len(waiting)


def send(task: str, pk: int) -> None:
    current_app.send_task(task, [pk])
    if task == TRAIN:
        TrainingRun.objects.filter(pk=pk).sent()
