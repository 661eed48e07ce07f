"""What is counted by the minute, what is forgotten by the day, and what watches the models by itself."""

import logging
import time
from uuid import UUID

from celery import shared_task
from django.conf import settings

from cryptoml_site.clock import now
from monitoring import failed_tasks  # noqa: F401  # whose receivers every worker needs
from monitoring.alerts.posting import ping
from monitoring.alerts.queueing import PING, SEND, SEND_TO, ping_soon, send_soon, send_to_each
from monitoring.alerts.retention import forget_alerts
from monitoring.alerts.sending import send_to
from monitoring.alerts.watching import watch
from monitoring.drift.checking import run_check
from monitoring.drift.lines import write_lines
from monitoring.drift.queueing import CHECK, ask_for_check
from monitoring.metrics.files import write_days
from monitoring.metrics.passes import roll_up
from monitoring.metrics.retention import forget_counts, forget_log
from monitoring.models import DriftCheck
from monitoring.models.drift_events import BY_ITSELF
from monitoring.workers import heart
from registry.models import ModelVersion

SECONDS = 40.0  # after which a long history waits for the next minute
logger = logging.getLogger(__name__)
heart.listen()  # whoever imports tasks may be a worker


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
    logger.info("%s rows of old alerts forgotten", forget_alerts(now()))


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


@shared_task(name="monitoring.watch")
def watch_task() -> None:
    """Who watches from outside is told only when every rule was looked at."""
    looked = watch()
    logger.info("%s", looked or "another look is at it")
    if looked is not None and not looked.faults:
        ping_soon()
    if looked is not None and looked.notifications:
        send_soon()
    write_lines()


@shared_task(name=SEND)
def send_notifications() -> None:
    logger.info("%s channels have something to be sent", send_to_each())


@shared_task(name=SEND_TO)
def send_to_channel(channel_id: str) -> None:
    logger.info("%s tried for channel %s", send_to(UUID(channel_id)), channel_id)


@shared_task(name=PING)
def ping_deadman() -> None:
    """A failure is a line of the log: who is not pinged says so."""
    outcome = ping(settings.DEADMAN_URL)
    if outcome.error:
        logger.warning("DEADMAN_URL: %s", outcome.error)
