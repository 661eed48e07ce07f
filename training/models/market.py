"""Markets and their candles."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Self

import numpy as np
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Count, ExpressionWrapper, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused, Unknown
from registry.actors import is_person
from registry.models import NAME
from training.series import CandleSeries

FIGURES = ("open", "high", "low", "close", "volume")
BROUGHT = ("csv", "simulated")  # sources whose candles are brought here; every other one is asked for them
IS_SUSPECT = ExpressionWrapper(Q(suspect__gt="", cleared=""), output_field=models.BooleanField())
Row = tuple[Any, ...]  # opened_at, the figures and whether it is suspect


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
            return self.get(name=name.replace("\x00", " "))  # which Postgres cannot store, so no name has it
        except Market.DoesNotExist:
            raise Unknown(
                f"no market is called '{name}': GET /markets names them all", code="unknown_market", field="market"
            ) from None

    def fetched(self) -> Self:
        """Those whose source can be asked for newer candles."""
        return self.exclude(source__in=BROUGHT)

    def due_for_fetch(self, until: datetime) -> Self:
        """Whose source is to be asked by then, those that have waited longest first."""
        never_asked = Q(fetch_state__isnull=True)
        due = self.fetched().filter(never_asked | Q(fetch_state__next_at__lte=until))
        return due.order_by(F("fetch_state__next_at").asc(nulls_first=True), "pk")

    def with_newest(self) -> Self:
        """Each with `newest_opened_at` and `newest_close` of its newest candle, by one look into the index."""
        newest = Candle.objects.filter(market=OuterRef("pk")).order_by("-opened_at")
        return self.annotate(
            newest_opened_at=Subquery(newest.values("opened_at")[:1]), newest_close=Subquery(newest.values("close")[:1])
        )

    def with_counts(self) -> Self:
        """Each with `first_opened_at` and how many candles it holds, how many of them suspect and how many revised.

        The candles are counted in the index: some 0.2 s for a million.
        """
        own = Candle.objects.filter(market=OuterRef("pk"))
        return self.annotate(
            first_opened_at=Subquery(own.order_by("opened_at").values("opened_at")[:1]),
            candle_count=_counted(own),
            suspect_count=_counted(own.suspect()),
            revised_count=_counted(own.filter(revision__gt=0)),
        )


class Market(models.Model):
    """One coin against one currency at one interval, from one source."""

    newest_opened_at: datetime | None  # by `with_newest`
    newest_close: float | None  # by `with_newest`
    first_opened_at: datetime | None  # by `with_counts`, as are those that follow
    candle_count: int
    suspect_count: int
    revised_count: int

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
    def fetched(self) -> bool:
        """Whether its source can be asked for newer candles."""
        return self.source not in BROUGHT

    @property
    def ended(self) -> bool:
        """Whether nobody brings newer candles by himself: a file has an end."""
        return self.source == "csv"

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
            age = timedelta(seconds=round((at - self.known_at(opened_at)).total_seconds()))
            raise Refused(
                f"the newest candle of {self} closed at {self.known_at(opened_at):%Y-%m-%d %H:%M} UTC, {age} ago, and "
                "the next is overdue: load newer candles, or name a past moment with 'as_of'",
                code="stale_candles",
                field="market",
                evidence={"closed_at": self.known_at(opened_at).isoformat(), "age_seconds": int(age.total_seconds())},
            )


class CandleQuerySet(models.QuerySet["Candle"]):
    def ending_at(self, opened_at: datetime, *, candles: int, step: timedelta) -> Self:
        """The stretch of `candles` candles whose last one opened at that moment; holes make it shorter."""
        return self.filter(opened_at__gt=opened_at - candles * step, opened_at__lte=opened_at)

    def suspect(self) -> Self:
        """Those that nothing is to be learnt or answered from; what a person has cleared is none of them."""
        return self.filter(IS_SUSPECT)

    def series(self, *, interval: int) -> CandleSeries:
        """One market's candles as arrays on the regular grid of `interval` seconds."""
        return _series(list(self.order_by("opened_at").values_list("opened_at", *FIGURES, IS_SUSPECT)), interval)

    def series_by_market(self, *, interval: int) -> dict[int, CandleSeries]:
        """The candles of several markets of one interval, by the market's primary key."""
        rows: dict[int, list[Row]] = defaultdict(list)
        for market, *row in self.order_by("opened_at").values_list("market", "opened_at", *FIGURES, IS_SUSPECT):
            rows[market].append(tuple(row))
        return {market: _series(found, interval) for market, found in rows.items()}


class Suspicion(models.TextChoices):
    """What `training.market_data.suspects` marks; the words are what is said of such a candle."""

    OUTLIER = "outlier", "it leapt by more than 10 sigmas, and the next candle took it back"


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
    suspect = models.CharField(
        max_length=20, blank=True, default="", choices=Suspicion, help_text="Why its close is not believed."
    )
    cleared = models.TextField(
        blank=True, default="", help_text="Who said that it is right all the same, and why; a revision takes it back."
    )

    objects = CandleQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at"]
        indexes = [
            models.Index(fields=["market", "opened_at"], condition=Q(suspect__gt=""), name="suspect_candles"),
            models.Index(fields=["market", "opened_at"], condition=Q(revision__gt=0), name="revised_candles"),
        ]
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

    @property
    def is_suspect(self) -> bool:
        """Nothing is learnt or answered from it."""
        return bool(self.suspect) and not self.cleared

    @property
    def first_seen_sha256(self) -> str:
        """Of the figures that were stored first, whatever its source made of them since."""
        said = self.revisions.all() if self.revision else ()  # which may have been read ahead
        return figures_sha256(self.opened_at, next((one for one in said if one.revision == 0), self))

    def clear(self, *, actor: str, reason: str) -> None:
        """Take a person's word that the close is right. Raises Refused where no person says so, or none need to."""
        if not is_person(actor):
            raise Refused(f"{actor} is no person, and only a person clears a candle", code="needs_a_person")
        with transaction.atomic():
            Market.objects.select_for_update().get(pk=self.market_id)  # its source may be revising it
            self.refresh_from_db(fields=["suspect", "cleared"])
            if not self.is_suspect:
                raise Refused(f"the candle {self} is not suspect: there is nothing to clear", code="not_suspect")
            self.cleared = f"{actor}: {reason}"
            self.save(update_fields=["cleared"])


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


def _counted(candles: CandleQuerySet) -> Coalesce:
    """How many of one market's, as a subquery."""
    return Coalesce(Subquery(candles.order_by().values("market").annotate(count=Count("pk")).values("count")), 0)


def _series(rows: list[Row], interval: int) -> CandleSeries:
    opened_at = np.array([int(row[0].timestamp()) for row in rows], dtype=np.int64)
    figures = np.array([row[1:-1] for row in rows], dtype=np.float64).reshape(len(rows), len(FIGURES))
    columns = {name: figures[:, place] for place, name in enumerate(FIGURES)}
    suspect = np.array([row[-1] for row in rows], dtype=np.bool_)
    return CandleSeries.on_grid(interval=interval, opened_at=opened_at, suspect=suspect, **columns)


def figures_sha256(opened_at: datetime, said: Candle | CandleRevision) -> str:
    """Hash of one candle: its open time and every figure, market cap included."""
    figures = [getattr(said, name) for name in (*FIGURES, "market_cap")]
    return sha256(json.dumps([opened_at.isoformat(), *figures]).encode()).hexdigest()


def moment(seconds: int) -> datetime:
    """Unix seconds as an aware moment."""
    return datetime.fromtimestamp(seconds, UTC)
