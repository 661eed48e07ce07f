"""The trainer's tasks: a worker of its own imports them, so that one long fit blocks nothing else."""

import logging
from functools import partial
from typing import Any

from celery import shared_task
from celery.signals import celeryd_after_setup
from celery.worker import state
from django.conf import settings

from cryptoml_site.errors import Refused
from registry.models import ModelImport
from registry.models.imports import PATIENCE
from registry.uploads import TASK as IMPORT
from registry.uploads import discard_upload
from training.fitting import importing, trainer
from training.fitting.child import ChildDied, Limits, OverLimit, in_a_child
from training.models import TrainingRun
from training.queueing import TRAIN, enqueue_next

logger = logging.getLogger(__name__)


@celeryd_after_setup.connect
def refuse_prefork(instance: Any, **_: Any) -> None:
    """Its processes are daemons: they may have no children, and in them joblib quietly falls back to one core."""
    if "prefork" in instance.pool_cls.__module__:
        raise SystemExit("A trainer gives each run a process of its own: start it with --pool solo.")


def stopping() -> bool:
    """Whether this worker was told to stop."""
    told: list[object] = [state.should_stop, state.should_terminate]
    return any(code is not None and code is not False for code in told)  # an exit code, which may be 0


@shared_task(name=TRAIN)
def train(run_id: int) -> None:
    """Delivered twice it finds its run claimed; while another run of the model is under way it leaves it queued."""
    run = TrainingRun.objects.get(pk=run_id)
    try:
        taken = trainer.train(run, stopping=stopping)
    except Refused as refused:
        logger.info("%s waits: %s", run, refused)
    else:
        if taken:
            enqueue_next(run)


@shared_task(name=IMPORT)
def import_apart(import_id: int) -> None:
    """In a child, as a run is: what fits models must not run in the trainer itself, and a pickle even less."""
    limits = Limits(minutes=PATIENCE.seconds // 60, megabytes=settings.TRAINING_MEMORY_MB)
    try:
        in_a_child(partial(import_model, import_id), limits=limits, watch=_leave_when_stopped)
    except trainer.Stopped:
        logger.info("import %s is left to another trainer", import_id)
    except (OverLimit, ChildDied) as ended:
        brought = ModelImport.objects.get(pk=import_id)
        brought.refuse(str(ended), code="import_failed")
        discard_upload(brought)


def import_model(import_id: int) -> None:
    """Delivered twice it finds its import claimed."""
    brought = ModelImport.objects.get(pk=import_id)
    if not brought.claim():
        return
    try:
        importing.import_model(brought)
    except Refused as refused:
        brought.refuse(str(refused), code=refused.code)
        logger.warning("%s: %s", brought, refused)
    except BaseException as error:  # recorded and raised again
        brought.refuse(f"{type(error).__name__}: {error}", code="import_failed")
        raise
    finally:
        discard_upload(brought)


def _leave_when_stopped() -> None:
    if stopping():
        raise trainer.Stopped
