"""The trainer's tasks: a worker of its own imports them, so that one long fit blocks nothing else."""

import logging

from celery import shared_task

from cryptoml_site.errors import Refused
from registry.models import ModelImport
from registry.uploads import TASK as IMPORT
from registry.uploads import discard_upload
from training.fitting import importing
from training.learning import learn
from training.models import TrainingRun

logger = logging.getLogger(__name__)


@shared_task(name="training.train")
def train(run_id: int) -> None:
    """Delivered twice it finds its run claimed; while another run of the model is under way it leaves it queued."""
    run = TrainingRun.objects.get(pk=run_id)
    try:
        learn(run, progress=lambda done, total: logger.info("%s: %s of %s", run, done, total))
    except Refused as refused:
        logger.warning("%s: %s", run, refused)  # kept in the run; nothing is wrong with the worker


@shared_task(name=IMPORT)
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
