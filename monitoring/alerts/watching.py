"""One look at all rules: alerts are opened, gone on with and closed, and what is to be told is put into the outbox.

All in one transaction under one lock: two looks at once are one, and no alert changes without its notifications.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from cryptoml_site.clock import now
from monitoring.alerts.following import Following, owed_ends
from monitoring.alerts.kinds import Kind
from monitoring.alerts.watched import BY_KIND, Firing
from monitoring.models import Alert, AlertRule

LOCK = 0x414C5254  # 'ALRT': the key of the advisory lock under which one look goes at a time
logger = logging.getLogger(__name__)


@dataclass
class Looked:
    """faults: of rules that could not be judged; their alerts stay as they were."""

    rules: int = 0
    opened: int = 0
    closed: int = 0
    notifications: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        faults = f"; NOT JUDGED: {'; '.join(self.faults)}" if self.faults else ""
        said = f"{self.rules} rules, {self.opened} alerts opened, {self.closed} closed, {self.notifications} to be told"
        return f"{said}{faults}"


def watch() -> Looked | None:
    """One look; None where another is at it."""
    with transaction.atomic():
        if not _locked():
            return None
        at, looked = now(), Looked()
        looked.notifications += owed_ends(at)  # first, or what is open again is told before its older one is over
        held = _open_alerts()
        for rule in AlertRule.objects.select_related("model").prefetch_related("channels"):
            _look(rule, held[rule.pk], looked, at)
        return looked


def _look(rule: AlertRule, held: dict[str, Alert], looked: Looked, at: datetime) -> None:
    following = Following(rule, held, at)
    if not rule.enabled:
        following.end_all()
    elif (firings := _judged(rule, looked, at)) is not None:
        looked.rules += 1
        following.go_on(firings)
    looked.opened += following.opened
    looked.closed += following.closed
    looked.notifications += following.notifications


def _judged(rule: AlertRule, looked: Looked, at: datetime) -> list[Firing] | None:
    """None where its function fails: one bad rule must not blind the others."""
    try:
        with transaction.atomic():
            found = list(BY_KIND[Kind(rule.kind)](rule, at))
    except Exception as error:  # recorded; the next look tries again
        logger.exception("the rule '%s' could not be judged", rule)
        fault = f"{type(error).__name__}: {error}"[:500]
        looked.faults.append(f"{rule}: {fault}")
        AlertRule.objects.filter(pk=rule.pk).update(fault=fault)
        return None
    AlertRule.objects.filter(pk=rule.pk).update(judged_at=at, fault="")
    return found


def _open_alerts() -> dict[int, dict[str, Alert]]:
    """By rule and subject."""
    held: dict[int, dict[str, Alert]] = defaultdict(dict)
    for alert in Alert.objects.open():
        held[alert.rule_id][alert.subject] = alert
    return held


def _locked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])
