"""Minutes that have to be counted again, and months that cannot be."""

from __future__ import annotations

from django.db import models

from cryptoml_site.clock import now


class LateMinute(models.Model):
    """A minute into which a row of the log came long after its end, noted in that row's transaction.

    The same minute may stand here often: were it unique, a writer whose row finds it there already would leave its
    note to another's, which a pass takes away before it can see this writer's row.
    """

    minute = models.DateTimeField(help_text="When the minute began.")
    noted_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["minute"]

    def __str__(self) -> str:
        return f"{self.minute:%Y-%m-%d %H:%M}"


class DroppedMonth(models.Model):
    """A month of the log that is gone. What was counted of it before stays as it is."""

    month = models.DateField(unique=True, help_text="Its first day.")
    dropped_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["-month"]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
