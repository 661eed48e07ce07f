"""What clients say of their own answers: shown to them, and evidence for nothing."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from predictions.models.log import Prediction


class ClientOutcomeManager(models.Manager["ClientOutcome"]):
    def give(
        self, prediction: Prediction, *, actor: str, log_return: float | None = None, direction: str | None = None
    ) -> tuple[ClientOutcome, bool]:
        """The outcome, and whether it is new: the same again changes nothing.

        Raises Refused where a market of ours settles the answer, or another outcome was given.
        """
        if prediction.as_of is not None:
            raise Refused(
                f"{prediction.market} settles this answer itself, by the candles that follow: its outcome is in "
                f"GET /predictions/{prediction.pk}/lineage",
                code="market_settles",
            )
        said = {"log_return": log_return, "direction": direction}
        outcome, new = self.get_or_create(pk=prediction.pk, defaults={**said, "given_by": actor})
        if any(getattr(outcome, name) != value for name, value in said.items()):
            raise Refused(
                f"another outcome was given already, {outcome}, and it stays",
                code="outcome_given",
                evidence=outcome.said,
            )
        return outcome, new


class ClientOutcome(models.Model):
    """How an answer to a client's own features turned out, as that client says; given once.

    No foreign key: the log is partitioned, and its months are dropped.
    """

    prediction_id = models.UUIDField(primary_key=True, editable=False)
    log_return = models.FloatField(null=True)
    direction = models.CharField(max_length=4, choices=Prediction.Direction, null=True)
    given_by = models.CharField(max_length=100)
    given_at = models.DateTimeField(default=now)

    objects = ClientOutcomeManager()

    class Meta:
        ordering = ["-given_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(log_return__isnull=False, direction__isnull=True)
                | Q(log_return__isnull=True, direction__isnull=False, direction__in=["up", "down"]),
                name="an_outcome_is_a_return_or_a_direction",
            ),
            models.CheckConstraint(
                condition=Q(log_return__isnull=True) | Q(log_return__gt=float("-inf"), log_return__lt=float("inf")),
                name="a_return_is_finite",
            ),
        ]

    def __str__(self) -> str:
        return str(self.direction) if self.log_return is None else f"a log return of {self.log_return}"

    @property
    def said(self) -> dict[str, float | str | None]:
        return {"log_return": self.log_return, "direction": self.direction}

    @property
    def went_up(self) -> bool:
        """By the rule of our own labels: unchanged is no up."""
        return self.direction == Prediction.Direction.UP if self.log_return is None else self.log_return > 0
