"""What the market did, and what was learnt from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Self

import numpy as np
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import F, Q

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused, Unknown
from registry.models import NAME, ModelVersion, RegisteredModel
from training.series import CandleSeries


class Interval(models.TextChoices):
    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    QUARTER = "15m"
    HOUR = "1h"
    FOUR_HOURS = "4h"
    DAY = "1d"

    @property
    def seconds(self) -> int:
        return {"1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400, "1d": 86_400}[self.value]


class MarketQuerySet(models.QuerySet["Market"]):
    def named(self, name: str) -> Market:
        """Raises Unknown, naming the field at fault."""
        try:
            return self.get(name=name)
        except Market.DoesNotExist:
            raise Unknown(
                f"no market is called '{name}': GET /markets names them all", code="unknown_market", field="market"
            ) from None


class Market(models.Model):
    """One coin against one currency at one interval, from one source."""

    name = models.CharField(max_length=64, unique=True, validators=[RegexValidator(NAME)])
    coin = models.CharField(max_length=40)
    currency = models.CharField(max_length=12)
    interval = models.CharField(max_length=3, choices=Interval)
    source = models.CharField(max_length=40, help_text="csv, simulated, coingecko, or ccxt:EXCHANGE.")
    simulation = models.JSONField(null=True, blank=True, help_text="Parameters of the simulated process.")
    created_at = models.DateTimeField(default=now)

    objects = MarketQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(name__regex=NAME), name="a_market_name_is_a_slug"),
            models.CheckConstraint(
                condition=Q(source="simulated", simulation__isnull=False)
                | (~Q(source="simulated") & Q(simulation__isnull=True)),
                name="simulated_markets_alone_have_a_process",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def simulated(self) -> bool:
        return self.source == "simulated"

    @property
    def step(self) -> timedelta:
        return timedelta(seconds=Interval(self.interval).seconds)

    @property
    def grace(self) -> timedelta:
        """How late a closed candle may arrive: providers publish a day some ten minutes after it closed."""
        return min(self.step / 2, timedelta(minutes=30))

    def known_at(self, opened_at: datetime) -> datetime:
        """When the candle that opened then is closed, so that its close is known."""
        return opened_at + self.step

    def newest(self) -> datetime | None:
        """Open time of the newest candle held."""
        return self.candles.order_by("-opened_at").values_list("opened_at", flat=True).first()

    def check_fresh(self, opened_at: datetime, *, at: datetime) -> None:
        """Raise Refused when a newer candle than this one closed, and should have arrived, before `at`."""
        due = self.known_at(opened_at) + self.step + self.grace
        if at > due:
            age = at - self.known_at(opened_at)
            raise Refused(
                f"the newest candle of {self} closed at {self.known_at(opened_at):%Y-%m-%d %H:%M} UTC, {age.days} days "
                f"and {age.seconds // 3600} hours ago, and the next is overdue: load newer candles, or name a past "
                "moment with 'as_of'",
                code="stale_candles",
                field="market",
                evidence={"closed_at": self.known_at(opened_at).isoformat(), "age_seconds": int(age.total_seconds())},
            )


class CandleQuerySet(models.QuerySet["Candle"]):
    def ending_at(self, opened_at: datetime, *, candles: int, step: timedelta) -> Self:
        """The stretch of `candles` candles whose last one opened at that moment; holes make it shorter."""
        return self.filter(opened_at__gt=opened_at - candles * step, opened_at__lte=opened_at)

    def series(self, *, interval: int) -> CandleSeries:
        """One market's candles as arrays on the regular grid of `interval` seconds."""
        names = ("open", "high", "low", "close", "volume")
        rows = list(self.order_by("opened_at").values_list("opened_at", *names))
        opened_at = np.array([int(row[0].timestamp()) for row in rows], dtype=np.int64)
        figures = np.array([row[1:] for row in rows], dtype=np.float64).reshape(len(rows), len(names))
        columns = {name: figures[:, place] for place, name in enumerate(names)}
        return CandleSeries.on_grid(interval=interval, opened_at=opened_at, **columns)


class Candle(models.Model):
    """Figures of one closed interval. Absent figures are null, never zero; a hole is an absent row."""

    market = models.ForeignKey(Market, models.PROTECT, related_name="candles")
    opened_at = models.DateTimeField()
    open = models.FloatField(null=True)
    high = models.FloatField(null=True)
    low = models.FloatField(null=True)
    close = models.FloatField()
    volume = models.FloatField(null=True)
    market_cap = models.FloatField(null=True)
    revision = models.PositiveIntegerField(default=0, help_text="How often the source changed it.")
    stored_at = models.DateTimeField(default=now)

    objects = CandleQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(fields=["market", "opened_at"], name="one_candle_per_market_and_open_time"),
            models.CheckConstraint(
                condition=Q(close__gt=0, close__lt=float("inf")), name="a_close_is_a_positive_number"
            ),
            models.CheckConstraint(
                condition=Q(volume__isnull=True) | Q(volume__gt=0, volume__lt=float("inf")),
                name="an_absent_volume_is_null_not_zero",
            ),
            models.CheckConstraint(
                condition=Q(high__isnull=True) | Q(low__lte=F("close"), high__gte=F("close")),
                name="high_and_low_bound_the_close",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.market.name} {self.opened_at:%Y-%m-%d %H:%M}"


class CandleRevision(models.Model):
    """What a candle said before its source changed it."""

    candle = models.ForeignKey(Candle, models.PROTECT, related_name="revisions")
    revision = models.PositiveIntegerField(help_text="The candle's revision number when it said this.")
    open = models.FloatField(null=True)
    high = models.FloatField(null=True)
    low = models.FloatField(null=True)
    close = models.FloatField()
    volume = models.FloatField(null=True)
    market_cap = models.FloatField(null=True)
    stored_at = models.DateTimeField(help_text="When these figures were stored.")
    revised_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["-revised_at"]
        constraints = [
            models.UniqueConstraint(fields=["candle", "revision"], name="one_row_per_candle_and_revision"),
        ]

    def __str__(self) -> str:
        return f"revision {self.revision} of {self.candle_id}"


class TrainingRunQuerySet(models.QuerySet["TrainingRun"]):
    def under_way(self) -> Self:
        return self.filter(status=TrainingRun.Status.RUNNING)


class TrainingRun(models.Model):
    """One attempt to learn a version, and what came of it."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="training_runs")
    market = models.ForeignKey(Market, models.PROTECT, related_name="training_runs")
    feature_set = models.CharField(max_length=100)
    estimator = models.CharField(max_length=100)
    params = models.JSONField(default=dict)
    folds = models.PositiveSmallIntegerField(default=8)
    seed = models.PositiveIntegerField(default=7)
    actor = models.CharField(max_length=100)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    folds_done = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    version = models.OneToOneField(ModelVersion, models.PROTECT, null=True, related_name="training_run")
    created_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True, help_text="Last sign of life while running.")
    finished_at = models.DateTimeField(null=True)

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["model"], condition=Q(status="running"), name="one_running_training_run_per_model"
            ),
            models.CheckConstraint(
                condition=Q(status="succeeded", version__isnull=False)
                | (~Q(status="succeeded") & Q(version__isnull=True)),
                name="a_run_that_succeeded_has_a_version",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk} of {self.model.name}"

    def claim(self) -> bool:
        """Take the run from the queue; False when somebody else has.

        Raises Refused while another run of the same model is under way: its lock is the model's row, so two claims at
        once are decided one after the other.
        """
        with transaction.atomic():
            RegisteredModel.objects.select_for_update().get(pk=self.model_id)
            other = self.model.training_runs.under_way().exclude(pk=self.pk).first()
            if other is not None:
                raise Refused(
                    f"{self.model} is being trained already: run {other.pk} by {other.actor}, {other.folds_done} of "
                    f"{other.folds} folds done, last seen {other.seen_at:%Y-%m-%d %H:%M:%S} UTC",
                    code="already_training",
                    evidence={"run": other.pk, "folds_done": other.folds_done, "folds": other.folds},
                )
            started = now()
            claimed = TrainingRun.objects.filter(pk=self.pk, status=self.Status.QUEUED).update(
                status=self.Status.RUNNING, started_at=started, seen_at=started
            )
        self.refresh_from_db()
        return bool(claimed)

    def progress(self, folds_done: int) -> None:
        self.folds_done, self.seen_at = folds_done, now()
        self.save(update_fields=["folds_done", "seen_at"])

    def succeed(self, version: ModelVersion) -> None:
        self.status, self.version, self.finished_at = self.Status.SUCCEEDED, version, now()
        self.save(update_fields=["status", "version", "finished_at"])

    def fail(self, error: str) -> None:
        self.status, self.error, self.finished_at = self.Status.FAILED, error, now()
        self.save(update_fields=["status", "error", "finished_at"])


class Outcome(models.Model):
    """What the market did from as_of over the horizon; shared by every answer about that candle."""

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


def moment(seconds: int) -> datetime:
    """Unix seconds as an aware moment."""
    return datetime.fromtimestamp(seconds, UTC)
