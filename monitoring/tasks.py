"""What is counted by the minute, what is forgotten by the day, and what watches the models by itself."""

import logging
import time
from uuid import UUID

from celery import shared_task

from monitoring import failed_tasks  # noqa: F401  # whose receivers every worker needs
from monitoring.drift.checking import run_check
from monitoring.drift.queueing import CHECK, ask_for_check
from monitoring.metrics.files import write_days
from monitoring.metrics.passes import roll_up
from monitoring.metrics.retention import forget_counts, forget_log
from monitoring.models import DriftCheck
from monitoring.models.drift_events import BY_ITSELF
from registry.models import ModelVersion

SECONDS = 40.0  # after which a long history waits for the next minute
logger = logging.getLogger(__name__)


@shared_task(name="data.roll_up")
def roll_up_task() -> None:
    """Pass after pass until nothing is left to count, or another task is at it."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        done = roll_up()
        logger.info("%s", done or "another pass is at it")
        if done is None:
            return
        write_days(done.changed_days, final_to=done.final_to)
        if done.caught_up:
            return


@shared_task(name="data.forget_counts")
def forget_counts_task() -> None:
    """Months of the log only after a pass: what is late in them is counted first."""
    roll_up()
    logger.info("%s counts forgotten; months of the log dropped: %s", forget_counts(), forget_log() or "none")


@shared_task(name=CHECK)
def check_drift(check_id: str) -> None:
    """Delivered twice, it is done once."""
    check = DriftCheck.objects.select_related("model").get(pk=UUID(check_id))
    if check.state == DriftCheck.State.QUEUED:
        events = run_check(check)
        said = [check.status or check.error, *map(str, events), *filter(None, [check.reaction])]
        logger.info("%s: %s", check, "; ".join(said))


@shared_task(name="monitoring.check_all_drift")
def check_all_drift() -> None:
    """Of every model that has a version in production; those that wait already are sent once more."""
    for version in ModelVersion.objects.in_production().select_related("model"):
        ask_for_check(version.model, actor=BY_ITSELF)
