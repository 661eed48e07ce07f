"""The doors to who sends, for those who must not wait for a receiver."""

from __future__ import annotations

import logging

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from cryptoml_site.clock import now
from monitoring.alerts.sending import channels_with_work
from monitoring.models import Notification

SEND, SEND_TO, PING = "monitoring.send_notifications", "monitoring.send_to_channel", "monitoring.ping_deadman"
VOID = 50  # seconds after which a message that nobody took is void: the next minute sends another
logger = logging.getLogger(__name__)


def send_soon() -> None:
    """Once this transaction is committed. Best effort: without it the next minute sends what waits."""
    transaction.on_commit(lambda: _sent(SEND), robust=True)


def send_to_each() -> int:
    """A task for each channel that has something to be sent: a slow one holds back no other. How many."""
    Notification.objects.give_up_those_of_disabled_channels(now())
    channels = channels_with_work()
    for channel in channels:
        current_app.send_task(SEND_TO, [str(channel.pk)], expires=VOID)
    return len(channels)


def ping_soon() -> None:
    """Tell who watches from outside, where there is one, that alerts are watched."""
    if settings.DEADMAN_URL:
        current_app.send_task(PING, expires=VOID)


def _sent(task: str) -> None:
    try:
        current_app.send_task(task, expires=VOID)
    except OperationalError:
        logger.warning("the broker is away: %s waits for the next minute", task)
