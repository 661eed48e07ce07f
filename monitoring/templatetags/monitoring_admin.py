"""Words of drift and of freshness in colour, for templates."""

from django.template import Library
from django.utils.safestring import SafeString

from monitoring.drift.findings import Status
from monitoring.freshness import State
from registry.labels import ALARMING, GOOD, PLAIN, WARNING, pill
from training.concerns import span

STATUSES = {Status.ALERT: ALARMING, Status.WARNING: WARNING, Status.OK: GOOD, Status.NOT_CALIBRATED: PLAIN}

STATES = {
    State.STALE: ALARMING,
    State.EMPTY: ALARMING,
    State.WAITING: WARNING,
    State.FRESH: GOOD,
    State.ENDED: PLAIN,
}

register = Library()
register.filter(span)


@register.filter
def drift_pill(status: str) -> SafeString:
    return pill(Status(status).label, STATUSES[Status(status)])


@register.filter
def freshness_pill(state: str) -> SafeString:
    return pill(state, STATES[State(state)])
