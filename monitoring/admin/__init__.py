"""How it does, what is wrong and who is told of it, in the admin: one file for each kind of row."""

from monitoring.admin import alert, alert_channel, alert_rule, drift, notification, worker

__all__ = ["alert", "alert_channel", "alert_rule", "drift", "notification", "worker"]
