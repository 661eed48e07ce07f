"""The door to the trainer, for those who must not import what fits models."""

from functools import partial

from celery import current_app
from django.db import transaction

from registry.models import ModelImport
from registry.uploads import TASK as IMPORT
from training.models import TrainingRun

TRAIN = "training.train"


def enqueue(run: TrainingRun) -> None:
    """Send the run its task once it is committed. A message that is lost is sent again by the sweep."""
    transaction.on_commit(partial(current_app.send_task, TRAIN, [run.pk]))


def sweep() -> int:
    """Queue again what a killed trainer left behind, and send all that waits its task; how many wait."""
    waiting = [(TRAIN, pk) for pk in TrainingRun.objects.sweep()] + [(IMPORT, pk) for pk in ModelImport.objects.sweep()]
    for task, pk in waiting:
        current_app.send_task(task, [pk])
    return len(waiting)
