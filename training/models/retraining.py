"""When a model is trained anew without anybody asking, by which recipe, and what becomes of the version."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self

from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, Func, OuterRef, Q, Subquery
from django.db.models.lookups import Exact
from simple_history.models import HistoricalRecords

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from registry.models import ModelVersion, RegisteredModel
from training.features.feature_set import feature_set as feature_set_named
from training.models.market import Candle, Interval, Market
from training.models.run import ESTIMATOR_NAMES, FOLDS, TrainingRun
from training.recipe import Options

DAY = timedelta(days=1)
LEAST_MB, MOST_MB = 500, 4_000_000  # what only imports the libraries holds 300 already


class RetrainingPolicyQuerySet(models.QuerySet["RetrainingPolicy"]):
    def in_force(self) -> Self:
        return self.filter(enabled=True)

    def idle(self) -> Self:
        """Of models that have no run waiting or under way, whoever asked for it."""
        return self.filter(~Exists(TrainingRun.objects.unended().filter(model=OuterRef("model"))))

    def with_facts(self, at: datetime) -> Self:
        """Each with what its answer to `due` depends on; a look or two into an index for each."""
        market = Market.objects.filter(name=OuterRef("model__market"))
        named = Market.objects.filter(name=OuterRef(OuterRef("model__market")))
        candles = Candle.objects.filter(market=Subquery(named.values("pk")[:1])).order_by("-opened_at")
        learnt = ModelVersion.objects.filter(model=OuterRef("model"), data_end__isnull=False).order_by("-number")
        runs = TrainingRun.objects.filter(policy=OuterRef("pk")).order_by("-created_at")
        return self.select_related("model").annotate(
            interval=Subquery(market.values("interval")[:1]),
            newest_opened_at=Subquery(candles.values("opened_at")[:1]),
            learnt_number=Subquery(learnt.values("number")[:1]),
            learnt_until=Subquery(learnt.values("data_end")[:1]),
            learnt_at=Subquery(learnt.values("created_at")[:1]),
            asked_at=Subquery(runs.values("created_at")[:1]),
            asked_lately=ArraySubquery(runs.filter(created_at__gt=at - DAY).values("created_at")),
            unended_run=Subquery(TrainingRun.objects.unended().filter(model=OuterRef("model")).values("pk")[:1]),
        )


class RetrainingPolicy(models.Model):
    """One model's own; a model without one is trained when somebody asks. Every change is kept, with who made it."""

    interval: str | None  # these by `with_facts`: of its market
    newest_opened_at: datetime | None  # of its market's candles
    learnt_number: int | None  # of the newest version that was learnt here
    learnt_until: datetime | None
    learnt_at: datetime | None
    asked_at: datetime | None  # when a run was queued by this policy last
    asked_lately: list[datetime]  # the same within a day, newest first
    unended_run: int | None

    model = models.OneToOneField(RegisteredModel, models.CASCADE, related_name="retraining_policy")
    enabled = models.BooleanField(default=True, help_text="Off: it is trained when somebody asks, and not otherwise.")
    every_candles = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="When so many candles closed since its newest version was learnt. This or days.",
    )
    every_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="When its newest version was learnt so many days ago, and a candle has closed since.",
    )
    on_drift = models.BooleanField(
        "when its answers go wrong",
        default=True,
        help_text="When a drift check finds more of them wrong than luck explains, and no fault of the data.",
    )
    estimator = models.CharField(
        max_length=100, default="random_forest", help_text="By name, or one of your own by its dotted path."
    )
    feature_set = models.CharField(
        max_length=100, default="classic", help_text="That of production: a gate refuses another one."
    )
    params = models.JSONField(default=dict, blank=True, help_text='Of the estimator, such as {"n_estimators": 300}.')
    options = models.JSONField(default=dict, blank=True, help_text='Of the recipe, such as {"calibration": "sigmoid"}.')
    folds = models.PositiveSmallIntegerField(
        default=8, validators=[MinValueValidator(FOLDS[0]), MaxValueValidator(FOLDS[-1])]
    )
    seed = models.PositiveIntegerField(default=7, validators=[MaxValueValidator(2**31 - 1)])
    cool_down_hours = models.PositiveSmallIntegerField(
        "cool-down (hours)", default=1, help_text="From one run that nobody asked for to the next, at least."
    )
    daily_limit = models.PositiveSmallIntegerField(
        default=4, validators=[MinValueValidator(1)], help_text="Such runs within 24 hours, at most."
    )
    auto_stage = models.BooleanField(
        "stage it", default=True, help_text="Where every gate passes: it is kept ready, and what answers stays."
    )
    auto_promote = models.BooleanField(
        "promote it", default=False, help_text="Where every gate passes: it answers from then on, and nobody is asked."
    )
    time_limit_minutes = models.PositiveIntegerField(
        "time limit (minutes)",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="A run that takes longer is ended. Empty: as the settings of the trainer say.",
    )
    memory_limit_mb = models.PositiveIntegerField(
        "memory limit (MB)",
        null=True,
        blank=True,
        validators=[MinValueValidator(LEAST_MB), MaxValueValidator(MOST_MB)],
        help_text="A run whose process holds more is ended. Empty: as the settings of the trainer say.",
    )
    last_answer = models.TextField(blank=True, editable=False, help_text="What it said when it was asked last.")
    answered_at = models.DateTimeField(null=True, editable=False)

    objects = RetrainingPolicyQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["last_answer", "answered_at"])

    class Meta:
        ordering = ["model"]
        verbose_name_plural = "retraining policies"
        constraints = [
            models.CheckConstraint(
                condition=Q(every_candles__isnull=False, every_candles__gte=1, every_days__isnull=True)
                | Q(every_candles__isnull=True, every_days__isnull=False, every_days__gte=1)
                | Q(every_candles__isnull=True, every_days__isnull=True, on_drift=True),
                name="retraining_is_by_candles_by_days_or_on_drift",
                violation_error_message=(
                    "say after how many candles, or after how many days: one of the two, or neither and only when its "
                    "answers go wrong"
                ),
            ),
            models.CheckConstraint(
                condition=Q(auto_promote=False) | Q(auto_stage=True),
                name="what_is_promoted_is_staged_before",
                violation_error_message="what is promoted is staged before: tick both, or neither",
            ),
            models.CheckConstraint(condition=Q(daily_limit__gte=1), name="a_daily_limit_admits_a_run"),
            *(
                models.CheckConstraint(
                    condition=Exact(Func(field, function="jsonb_typeof", output_field=models.CharField()), "object"),
                    name=f"{field}_of_a_policy_are_given_by_name",
                )
                for field in ("params", "options")
            ),
        ]

    def __str__(self) -> str:
        return f"retraining of {self.model.name}"

    def clean(self) -> None:
        """Raises ValidationError, naming the field. What an estimator takes is known to the trainer alone."""
        for field in ("params", "options"):
            if getattr(self, field) is None:  # a form's empty field
                setattr(self, field, {})
            if not isinstance(getattr(self, field), dict):
                raise ValidationError({field: "give them by name, as in the example, or {} for none"})
        if self.estimator not in ESTIMATOR_NAMES and "." not in self.estimator:
            known = ", ".join(ESTIMATOR_NAMES)
            raise ValidationError({"estimator": f"there are {known}, and those of your own by a dotted path"})
        try:
            feature_set_named(self.feature_set)
            self.options = Options.parse(self.options).as_json()
        except Refused as refused:
            field = (refused.field or "options").partition(".")[0]
            raise ValidationError({field: str(refused)}) from refused

    @property
    def rhythm(self) -> str:
        if self.every_candles is None and self.every_days is None:
            return "when its answers go wrong"
        number, unit = (self.every_candles, "candle") if self.every_candles else (self.every_days, "day")
        return f"every {unit}" if number == 1 else f"every {number:,} {unit}s"

    def recipe(self) -> dict[str, Any]:
        """What a run of it is made of."""
        names = ("estimator", "feature_set", "params", "options", "folds", "seed")
        return {name: getattr(self, name) for name in (*names, "time_limit_minutes", "memory_limit_mb")}

    def due(self, at: datetime) -> str:
        """Why it is time to train the model, in words; empty where it is not. Asked of one that has its facts."""
        if not self.new_candles or (self.every_candles is None and self.every_days is None):
            return ""
        if self.learnt_at is None and self.asked_at is None:
            return "no version has been learnt yet"
        if self.every_candles is not None:
            said = f"{self.new_candles:,} candle{'s' * (self.new_candles > 1)} closed since {self._since}"
            return said if self.new_candles >= self.every_candles else ""
        return f"{(at - self._tried_at) // DAY} days since {self._since}" if at >= self.next_at else ""

    def check_free(self, at: datetime) -> None:
        """Raise Refused where a run must not be queued now, whatever the reason for one."""
        if not self.enabled:
            raise Refused(f"{self} is switched off", code="switched_off")
        if self.unended_run is not None:
            raise Refused(f"run {self.unended_run} of {self.model} has not ended yet", code="run_waits")
        until = self.asked_at and self.asked_at + timedelta(hours=self.cool_down_hours)
        if until and at < until:
            raise Refused(f"{self} cools down until {until:%Y-%m-%d %H:%M} UTC", code="cool_down")
        if len(self.asked_lately) >= self.daily_limit:
            until = self.asked_lately[self.daily_limit - 1] + DAY
            raise Refused(
                f"{self} is at its limit of {self.daily_limit} a day until {until:%Y-%m-%d %H:%M} UTC",
                code="daily_limit",
            )

    def say(self, answer: str) -> None:
        """Keep what was answered; beside the history, which is of what people changed."""
        others = RetrainingPolicy.objects.filter(pk=self.pk).exclude(last_answer=answer)
        others.update(last_answer=answer, answered_at=now())

    @property
    def new_candles(self) -> int:
        """Closed since the newest version was learnt, or its run was queued in vain; of a first one, all of them."""
        if self.newest_opened_at is None:
            return 0
        bases = [self.learnt_until, self.asked_at and self.asked_at - self.step]
        known = [base for base in bases if base]
        if not known:
            return 1
        return max(0, -((max(known) - self.newest_opened_at) // self.step))

    @property
    def next_at(self) -> datetime:
        """When it is due by days."""
        return self._tried_at + timedelta(days=self.every_days or 0)

    @property
    def step(self) -> timedelta:
        return timedelta(seconds=Interval(self.interval).seconds if self.interval else 0)

    @property
    def _tried_at(self) -> datetime:
        return max(moment for moment in (self.learnt_at, self.asked_at) if moment)

    @property
    def _since(self) -> str:
        learnt_last = self.learnt_at is not None and self._tried_at == self.learnt_at
        return f"version {self.learnt_number} was learnt" if learnt_last else "it was tried last"
