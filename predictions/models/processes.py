"""Web processes, as they say of themselves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self
from uuid import uuid4

from django.db import models
from django.db.models import OuterRef, Subquery

from cryptoml_site.clock import now
from registry.models import Deployment


class WebProcessQuerySet(models.QuerySet["WebProcess"]):
    def alive(self, at: datetime) -> Self:
        return self.filter(seen_at__gte=at - WebProcess.SILENCE)

    def with_moves_not_served(self) -> Self:
        """Each with the ledger's `newest_generation`, and `moved_at` of the first move that it did not serve yet."""
        newest = Deployment.objects.order_by("-generation").values("generation")[:1]
        moves = Deployment.objects.filter(generation__gt=OuterRef("generation")).order_by("generation")
        return self.annotate(newest_generation=Subquery(newest), moved_at=Subquery(moves.values("created_at")[:1]))


class WebProcess(models.Model):
    """The heartbeat of one web process: what it serves, and what it still has to hand in."""

    SILENCE = timedelta(seconds=10)  # after which a process counts as gone
    PROMPT = timedelta(seconds=2)  # a move that is served within is served in time

    newest_generation: int | None  # by `with_moves_not_served`
    moved_at: datetime | None  # by `with_moves_not_served`

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

    @property
    def lag(self) -> timedelta:
        """For how long it had not served a move of the ledger when it was last seen."""
        behind = timedelta(0) if self.moved_at is None else self.seen_at - self.moved_at
        return max(behind, timedelta(0))  # a move that came after its heartbeat is none that it missed

    @property
    def lags(self) -> bool:
        return self.lag > self.PROMPT
