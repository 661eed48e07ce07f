"""Celery's workers and its beat, as they say of themselves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self
from uuid import uuid4

from django.contrib.postgres.fields import ArrayField
from django.db import models

from cryptoml_site.clock import now

BEAT = "beat"  # in place of a queue: the process that sends what is due


class WorkerHeartbeatQuerySet(models.QuerySet["WorkerHeartbeat"]):
    def alive(self, at: datetime) -> Self:
        return self.filter(seen_at__gte=at - WorkerHeartbeat.SILENCE)

    def forget_replaced(self, at: datetime) -> None:
        """Those silent for a day whose every duty another does by now; one that nobody took over stays known."""
        done = {duty for row in self.alive(at) for duty in row.duties}
        silent = self.filter(seen_at__lt=at - timedelta(days=1))
        self.filter(pk__in=[row.pk for row in silent if done.issuperset(row.duties)]).delete()


class WorkerHeartbeat(models.Model):
    """One process. It deletes its row when it stops; the row of one that was killed goes stale."""

    SILENCE = timedelta(seconds=60)  # after which it counts as gone

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(max_length=100, help_text="Without its host.")
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    duties = ArrayField(
        models.CharField(max_length=100), help_text="Its queues; `beat` of the one that sends what is due."
    )
    doing = models.CharField(max_length=200, blank=True, help_text="The task that it is at.")
    doing_since = models.DateTimeField(null=True)
    started_at = models.DateTimeField(default=now)
    seen_at = models.DateTimeField(default=now, db_index=True)

    objects = WorkerHeartbeatQuerySet.as_manager()

    class Meta:
        ordering = ["name", "host", "pid"]
        verbose_name = "worker"

    def __str__(self) -> str:
        return f"{self.name} on {self.host}:{self.pid}"
