from __future__ import annotations

from django.db import models

from cryptoml_site.clock import now
from monitoring.models.drift_events import DriftEvent


class DriftLine(models.Model):
    """That a change of an incident's state is in the file of drift events."""

    event = models.ForeignKey(DriftEvent, models.CASCADE, related_name="lines")
    what = models.CharField(max_length=12, help_text="opened, acknowledged or closed.")
    written_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "what"], name="a_change_of_an_incident_is_written_once")
        ]

    def __str__(self) -> str:
        return f"{self.event}: {self.what}"
