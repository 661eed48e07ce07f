"""What a model's answers do once a version has grown old, and where they are asked about what is unlike its past."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from registry.models.registered import RegisteredModel

LEAST_DAYS, MOST_DAYS = 0.001, 36_500.0
LEAST_NOVELTY, MOST_NOVELTY = 0.001, 1_000.0  # as far as scores reach


@dataclass(frozen=True, slots=True)
class Policy:
    """A model's answer policy, as those hold it who answer; by default versions never expire, and novelty is only told.

    max_age_days: after what a version learnt from. novelty_limit: a score.
    """

    max_age_days: float | None = None
    refuses_expired: bool = False
    novelty_limit: float | None = None
    abstains: bool = False

    def expires_at(self, learnt_until: datetime | None) -> datetime | None:
        """When a version expires that learnt from what was known then; None for never."""
        if self.max_age_days is None or learnt_until is None:
            return None
        return learnt_until + timedelta(days=self.max_age_days)

    def expired(self, learnt_until: datetime | None, *, at: datetime) -> bool:
        expires_at = self.expires_at(learnt_until)
        return expires_at is not None and at >= expires_at


class AnswerPolicy(models.Model):
    """One model's own; a model without a row has the default. Every change is kept, with who made it."""

    class WhenExpired(models.TextChoices):
        WARN = "warn", "answer, with a warning"
        REFUSE = "refuse", "give no answers"

    class WhenNovel(models.TextChoices):
        WARN = "warn", "answer, with a warning"
        ABSTAIN = "abstain", "abstain: answer that there is no answer"

    model = models.OneToOneField(RegisteredModel, models.CASCADE, related_name="answer_policy")
    max_age_days = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(LEAST_DAYS), MaxValueValidator(MOST_DAYS)],
        help_text="Days after the newest candle that a version learnt from. Empty: it never expires.",
    )
    when_expired = models.CharField(max_length=10, choices=WhenExpired, default=WhenExpired.WARN)
    novelty_limit = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(LEAST_NOVELTY), MaxValueValidator(MOST_NOVELTY)],
        help_text="A row above this is novel; of those learnt from 1 in 100 is above 1. Empty: none.",
    )
    when_novel = models.CharField(max_length=10, choices=WhenNovel, default=WhenNovel.WARN)

    history = HistoricalRecords()

    class Meta:
        ordering = ["model"]
        verbose_name_plural = "answer policies"
        constraints = [  # the upper bounds keep NaN out, which Postgres holds to be the largest number
            models.CheckConstraint(
                condition=Q(max_age_days__isnull=True) | Q(max_age_days__range=(LEAST_DAYS, MOST_DAYS)),
                name="a_version_expires_after_it_was_made_or_never",
            ),
            models.CheckConstraint(
                condition=Q(novelty_limit__isnull=True) | Q(novelty_limit__range=(LEAST_NOVELTY, MOST_NOVELTY)),
                name="a_limit_of_novelty_is_a_score",
            ),
            models.CheckConstraint(
                condition=Q(when_expired__in=["warn", "refuse"]), name="what_is_done_when_expired_is_known"
            ),
            models.CheckConstraint(
                condition=Q(when_novel__in=["warn", "abstain"]), name="what_is_done_when_novel_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(when_expired="refuse") | Q(max_age_days__isnull=False),
                name="what_is_refused_when_expired_expires",
            ),
            models.CheckConstraint(
                condition=~Q(when_novel="abstain") | Q(novelty_limit__isnull=False),
                name="who_abstains_when_novel_has_a_limit",
            ),
        ]

    def __str__(self) -> str:
        return f"answer policy of {self.model.name}"

    def clean(self) -> None:
        """Raises ValidationError, naming the empty field, for what would never come about."""
        empty = {}
        if self.when_expired == self.WhenExpired.REFUSE and self.max_age_days is None:
            empty["max_age_days"] = "say after how many days: a version that never expires is never refused"
        if self.when_novel == self.WhenNovel.ABSTAIN and self.novelty_limit is None:
            empty["novelty_limit"] = "say above which score: without a limit no row is novel, and nothing is withheld"
        if empty:
            raise ValidationError(empty)

    @property
    def policy(self) -> Policy:
        return Policy(
            max_age_days=self.max_age_days,
            refuses_expired=self.when_expired == self.WhenExpired.REFUSE,
            novelty_limit=self.novelty_limit,
            abstains=self.when_novel == self.WhenNovel.ABSTAIN,
        )
