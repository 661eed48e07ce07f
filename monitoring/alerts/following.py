"""What becomes of a rule's alerts when it was looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from monitoring.alerts.messages import payload
from monitoring.alerts.watched.firing import Firing
from monitoring.models import Alert, AlertChannel, AlertRule, Notification
from monitoring.models.alerts import CALM

Event = Notification.Event
LONGEST_SUBJECT = 200


class Following:
    """One rule at one look; inside the look's transaction."""

    def __init__(self, rule: AlertRule, held: Mapping[str, Alert], at: datetime) -> None:
        self.rule = rule
        self.held = held  # open alerts by subject
        self.at = at
        self.opened = self.closed = self.notifications = 0

    def go_on(self, firings: Iterable[Firing]) -> None:
        fired = {firing.subject[:LONGEST_SUBJECT]: firing for firing in firings}
        for subject, firing in fired.items():
            alert = self.held.get(subject)
            self._tell(self._open(subject, firing) if alert is None else self._seen(alert, firing))
        for subject in self.held.keys() - fired.keys():
            self._calm(self.held[subject])

    def end_all(self) -> None:
        """The rule was switched off."""
        for alert in self.held.values():
            self._close(alert)

    def _open(self, subject: str, firing: Firing) -> Alert:
        self.opened += 1
        return Alert.objects.create(
            rule=self.rule,
            subject=subject,
            severity=self.rule.severity,
            sentence=firing.sentence,
            figures=firing.figures,
            opened_at=self.at,
            last_seen_at=self.at,
        )

    def _seen(self, alert: Alert, firing: Firing) -> Alert:
        alert.rule, alert.severity = self.rule, self.rule.severity
        alert.sentence, alert.figures, alert.last_seen_at = firing.sentence, firing.figures, self.at
        alert.times_seen += 1
        alert.calm_since = None
        alert.save(update_fields=["severity", "sentence", "figures", "last_seen_at", "times_seen", "calm_since"])
        return alert

    def _calm(self, alert: Alert) -> None:
        """It closes once it was not seen for CALM; a clock that was set back begins that anew."""
        if alert.calm_since is None or alert.calm_since > self.at:
            alert.calm_since = self.at
            alert.save(update_fields=["calm_since"])
        if self.at - alert.calm_since >= CALM:
            self._close(alert)

    def _close(self, alert: Alert) -> None:
        """Who was told of it is told that it is over: after a silence, where there is one."""
        alert.rule = self.rule
        alert.closed_at = max(self.at, alert.opened_at)
        alert.owes_end = alert.told_at is not None and self.rule.silenced(self.at)
        alert.save(update_fields=["closed_at", "owes_end"])
        self.closed += 1
        if alert.told_at is not None and not alert.owes_end:
            self.notifications += tell_end(alert, at=self.at)

    def _tell(self, alert: Alert) -> None:
        """Once; again only as the rule says, and only while nobody has acknowledged it."""
        if self.rule.silenced(self.at) or alert.acknowledged_at is not None:
            return
        if alert.told_at is None:
            self._put(alert, Event.OPENED)
        elif self._again(alert):
            self._put(alert, Event.STILL)

    def _again(self, alert: Alert) -> bool:
        after = self.rule.repeated_after
        if after is None or alert.told_at is None:
            return False
        return abs(self.at - alert.told_at) >= after  # a clock that was set back far keeps nobody silent

    def _put(self, alert: Alert, event: Event) -> None:
        channels = [channel for channel in self.rule.channels.all() if channel.enabled]
        if not channels:
            return  # who is added while it lasts is told then
        self.notifications += put(alert, channels, event, at=self.at)
        alert.told_at = self.at
        alert.save(update_fields=["told_at"])


def put(alert: Alert, channels: Iterable[AlertChannel], event: Event, *, at: datetime) -> int:
    """Into the outbox, in the transaction that changes the alert; how many."""
    told = payload(alert, event, at=at)
    rows = [Notification(alert=alert, channel=channel, event=event, payload=told) for channel in channels]
    return len(Notification.objects.bulk_create(rows))


def tell_end(alert: Alert, *, at: datetime) -> int:
    """To those who were told of it."""
    told = AlertChannel.objects.enabled().filter(pk__in=alert.notifications.order_by().values("channel"))
    return put(alert, told, Event.RESOLVED, at=at)


def owed_ends(at: datetime) -> int:
    """Of alerts that ended in a silence which is over by now; how many notifications."""
    count = 0
    for alert in Alert.objects.filter(owes_end=True).select_related("rule"):
        if not alert.rule.silenced(at):
            count += tell_end(alert, at=at)
            Alert.objects.filter(pk=alert.pk).update(owes_end=False)
    return count
