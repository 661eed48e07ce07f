"""Empties the outbox. Whatever crashes, each notification is sent at least once: it counts as sent after it was."""

from __future__ import annotations

import logging
import smtplib
import time
from collections.abc import Callable
from uuid import UUID, uuid4

from django.conf import settings
from django.core.mail import EmailMessage

from cryptoml_site.clock import now
from monitoring.alerts.messages import letter, signed_headers, slack_body, subject_line, webhook_body
from monitoring.alerts.outcome import LONGEST_ERROR, Outcome
from monitoring.alerts.posting import post
from monitoring.models import AlertChannel, Notification

SECONDS = 40.0  # of one pass over a channel; the next goes on
logger = logging.getLogger(__name__)


def channels_with_work() -> list[AlertChannel]:
    due = Notification.objects.due(now()).order_by().values("channel")
    return list(AlertChannel.objects.free(now()).filter(pk__in=due))


def send_to(channel_id: UUID) -> int:
    """What is due for one channel, oldest first, until one attempt fails; how many were tried.

    No row is locked while a receiver is waited for: the channel is taken by a lease, which one who was killed lets run
    out. What he had sent and not recorded is then sent again.
    """
    sender, tried, deadline = uuid4(), 0, time.monotonic() + SECONDS
    channel = AlertChannel.objects.get(pk=channel_id)
    try:
        while time.monotonic() < deadline and channel.take(sender):
            notification = Notification.objects.due(now()).filter(channel=channel).first()
            if notification is None:
                break
            tried += 1
            if not attempt(channel, notification):
                break
    finally:
        channel.leave(sender)
    return tried


def attempt(channel: AlertChannel, notification: Notification) -> bool:
    """Send it once, and record how that went; whether it arrived. What nobody foresaw is recorded, and goes on up."""
    outcome = _tried(channel, notification)
    notification.record(outcome)
    if outcome.error:
        logger.warning("notification %s to channel %s: %s", notification.pk, channel.name, outcome.error)
    return not outcome.error


def _tried(channel: AlertChannel, notification: Notification) -> Outcome:
    began = time.monotonic()
    try:
        return BY_KIND[AlertChannel.Kind(channel.kind)](channel, notification)
    except Exception as error:  # recorded and raised again: or it would be the first of its channel for ever
        took = round(1_000 * (time.monotonic() - began))
        named = type(error).__name__  # its words may hold an address or a password
        notification.record(Outcome(took, f"it could not be sent: {named}"))
        raise


def _by_webhook(channel: AlertChannel, notification: Notification) -> Outcome:
    body = webhook_body(notification.pk, notification.payload)
    stamp = int(now().timestamp())
    return post(channel.url, body, signed_headers(notification.pk, body, secret=channel.secret, timestamp=stamp))


def _by_slack(channel: AlertChannel, notification: Notification) -> Outcome:
    headers = {"Content-Type": "application/json", "X-CryptoML-Id": str(notification.pk)}
    return post(channel.url, slack_body(notification.pk, notification.payload), headers)


def _by_email(channel: AlertChannel, notification: Notification) -> Outcome:
    if not settings.EMAIL_URL:
        return Outcome(0, "EMAIL_URL is not set, so no mail can be sent: set it to smtp+tls://USER:PASSWORD@HOST:587")
    began = time.monotonic()
    told = EmailMessage(
        subject_line(notification.payload),
        letter(notification.pk, notification.payload),
        to=channel.recipients,
        headers={"Message-ID": f"<{notification.pk}@cryptoml>", "X-CryptoML-Id": str(notification.pk)},
    )
    error = ""
    try:
        told.send()
    except (smtplib.SMTPException, OSError) as raised:
        error = f"the mail server took it not: {raised or type(raised).__name__}"[:LONGEST_ERROR]
    return Outcome(round(1_000 * (time.monotonic() - began)), error)


BY_KIND: dict[AlertChannel.Kind, Callable[[AlertChannel, Notification], Outcome]] = {
    AlertChannel.Kind.WEBHOOK: _by_webhook,
    AlertChannel.Kind.SLACK: _by_slack,
    AlertChannel.Kind.EMAIL: _by_email,
}
