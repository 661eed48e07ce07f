"""Web processes, as they say of themselves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self
from uuid import uuid4

from django.db import models

from cryptoml_site.clock import now


class WebProcessQuerySet(models.QuerySet["WebProcess"]):
    def alive(self, at: datetime) -> Self:
        return self.filter(seen_at__gte=at - WebProcess.SILENCE)


class WebProcess(models.Model):
    """The heartbeat of one web process: what it serves, and what it still has to hand in."""

    SILENCE = timedelta(seconds=10)  # after which a process counts as gone

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    generation = models.BigIntegerField(default=0, help_text="The newest ledger row that it serves.")
    problems = models.JSONField(default=dict, help_text="Model name to the reason why its newest move is not served.")
    spool_rows = models.PositiveIntegerField(default=0, help_text="Answers waiting on its disk for Postgres.")
    started_at = models.DateTimeField(default=now)
    seen_at = models.DateTimeField(default=now, db_index=True)

    objects = WebProcessQuerySet.as_manager()

    class Meta:
        ordering = ["host", "pid"]
        verbose_name_plural = "web processes"

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"
