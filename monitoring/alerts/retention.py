"""What is forgotten of alerts that are long over."""

from datetime import datetime, timedelta

from monitoring.models import Alert, Notification

NOTIFICATIONS_KEPT = timedelta(days=90)
ALERTS_KEPT = timedelta(days=365)


def forget_alerts(at: datetime) -> int:
    """How many rows. What still waits to be sent is kept."""
    told = Notification.objects.exclude(state=Notification.State.WAITING).filter(created_at__lt=at - NOTIFICATIONS_KEPT)
    over = Alert.objects.filter(closed_at__lt=at - ALERTS_KEPT)
    return told.delete()[0] + over.delete()[0]
