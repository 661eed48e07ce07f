"""What a search for parameters tried on behalf of a run."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Self

from django.db import models
from django.db.models import Q

from cryptoml_site.clock import now
from training.models.market import moment
from training.models.run import TrainingRun
from training.tried import State, Tried


class TrialQuerySet(models.QuerySet["Trial"]):
    def best_first(self) -> Self:
        """Those that are complete, by their log loss."""
        return self.filter(state=State.COMPLETE).order_by("log_loss", "number")

    def keep(self, run: TrainingRun, ended: Tried) -> Trial:
        facts: dict[str, Any] = asdict(ended) | {"until": moment(ended.until)}
        return self.create(run=run, **facts)


class Trial(models.Model):
    """One choice of parameters, tried within the past that no fold of its run's walk-forward judges. Never changed."""

    run = models.ForeignKey(TrainingRun, models.PROTECT, related_name="trials")
    number = models.PositiveIntegerField(help_text="Within its run; 0 is of the parameters as given.")
    params = models.JSONField()
    state = models.CharField(max_length=10, choices=[(state.value, state.value) for state in State])
    log_loss = models.FloatField(null=True, help_text="Mean over the rows that it answered.")
    losses = models.JSONField(help_text="Mean log loss of each stretch of these rows.")
    blocks = models.JSONField(
        help_text="Of each stretch of time: number, sum and sum of squares of returns after costs."
    )
    sharpe = models.FloatField(null=True, help_text="Ratio per candle after costs; none where it never moved.")
    seconds = models.FloatField()
    rows_sha256 = models.CharField(max_length=64, help_text="Of the rows that it was tried on.")
    until = models.DateTimeField(help_text="Open time of the newest candle that one of them sees.")
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=now)

    objects = TrialQuerySet.as_manager()

    class Meta:
        ordering = ["run", "number"]
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="one_trial_of_each_number_in_a_run"),
            models.CheckConstraint(
                condition=~Q(state="complete") | Q(log_loss__isnull=False),
                name="a_complete_trial_has_a_log_loss",
            ),
        ]

    def __str__(self) -> str:
        return f"trial {self.number} of {self.run}"

    @property
    def tried(self) -> Tried:
        """As the search made it."""
        return Tried(
            number=self.number,
            params=self.params,
            state=State(self.state),
            log_loss=self.log_loss,
            losses=self.losses,
            blocks=self.blocks,
            sharpe=self.sharpe,
            seconds=self.seconds,
            rows_sha256=self.rows_sha256,
            until=int(self.until.timestamp()),
            error=self.error,
        )
