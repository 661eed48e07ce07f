"""What is counted of the answers and of the site, what was found when they were looked at, and who is told of it."""

from monitoring.models.alert_channels import AlertChannel
from monitoring.models.alert_rules import AlertRule
from monitoring.models.alerts import Alert
from monitoring.models.counts import AnswerCount, ResponseCount, Span, Watermark
from monitoring.models.drift_checks import DriftCheck
from monitoring.models.drift_events import DriftEvent
from monitoring.models.drift_lines import DriftLine
from monitoring.models.heartbeats import WorkerHeartbeat
from monitoring.models.notifications import DeliveryAttempt, Notification

__all__ = [
    "Alert",
    "AlertChannel",
    "AlertRule",
    "AnswerCount",
    "DeliveryAttempt",
    "DriftCheck",
    "DriftEvent",
    "DriftLine",
    "Notification",
    "ResponseCount",
    "Span",
    "Watermark",
    "WorkerHeartbeat",
]
