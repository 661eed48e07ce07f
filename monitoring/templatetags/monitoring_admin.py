"""Words of drift in colour, for templates."""

from django.template import Library
from django.utils.safestring import SafeString

from monitoring.drift.findings import Status
from registry.labels import ALARMING, GOOD, PLAIN, WARNING, pill

STATUSES = {Status.ALERT: ALARMING, Status.WARNING: WARNING, Status.OK: GOOD, Status.NOT_CALIBRATED: PLAIN}

register = Library()


@register.filter
def drift_pill(status: str) -> SafeString:
    return pill(Status(status).label, STATUSES[Status(status)])
