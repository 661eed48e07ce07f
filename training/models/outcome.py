"""What really happened."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Avg, Case, OuterRef, Q, Subquery, When

from training.models.market import Market


class OutcomeQuerySet(models.QuerySet["Outcome"]):
    def due(self, now: datetime) -> Self:
        """Past their horizon and not settled yet."""
        return self.filter(matures_at__lte=now, status=Outcome.Status.PENDING)

    def settled(self) -> Self:
        return self.filter(status=Outcome.Status.SETTLED)

    def newest(self) -> Self:
        """Of each market, as_of and horizon the last revision: what is held to be true now."""
        same = Outcome.objects.filter(market=OuterRef("market"), as_of=OuterRef("as_of"), horizon=OuterRef("horizon"))
        return self.filter(pk=Subquery(same.order_by("-revision").values("pk")[:1]))

    def up_rate(self) -> float | None:
        """Share that went up; None while nothing is settled: an empty week is not a flat week."""
        rate: float | None = self.settled().aggregate(rate=Avg(Case(When(log_return__gt=0, then=1.0), default=0.0)))[
            "rate"
        ]
        return rate


class Outcome(models.Model):
    """What the market did from as_of over the horizon; shared by every answer about that candle.

    Settled and void rows stay as they are: when a candle behind one is revised, or arrives late, a row with the next
    revision is pending beside it.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        SETTLED = "settled"
        VOID = "void"

    market = models.ForeignKey(Market, models.PROTECT, related_name="outcomes")
    as_of = models.DateTimeField(help_text="Open time of the last candle that the answer could see.")
    horizon = models.PositiveSmallIntegerField()
    revision = models.PositiveIntegerField(default=0, help_text="Grows when a candle behind it is revised.")
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    void_reason = models.CharField(max_length=200, blank=True)
    matures_at = models.DateTimeField(help_text="When the target candle closes.")
    close_at_start = models.FloatField(null=True)
    close_at_end = models.FloatField(null=True)
    log_return = models.FloatField(null=True)
    settled_at = models.DateTimeField(null=True)

    objects = OutcomeQuerySet.as_manager()

    class Meta:
        ordering = ["-as_of"]
        constraints = [
            models.UniqueConstraint(
                fields=["market", "as_of", "horizon", "revision"], name="one_outcome_per_market_moment_and_revision"
            ),
            models.CheckConstraint(
                condition=~Q(status="settled")
                | Q(
                    close_at_start__isnull=False,
                    close_at_end__isnull=False,
                    log_return__isnull=False,
                    settled_at__isnull=False,
                ),
                name="a_settled_outcome_has_its_figures",
            ),
            models.CheckConstraint(
                condition=~Q(status="void") | ~Q(void_reason=""), name="a_void_outcome_has_a_reason"
            ),
        ]
        indexes = [
            models.Index(fields=["matures_at"], condition=Q(status="pending"), name="pending_outcomes_by_maturity")
        ]

    def __str__(self) -> str:
        return f"{self.market.name} {self.as_of:%Y-%m-%d %H:%M} +{self.horizon}: {self.status}"
