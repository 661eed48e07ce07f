"""How good the data of a market is: what is missing, absent, not believed or revised, and whether it stops answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, OuterRef, Prefetch, Q, Subquery, Sum

from cryptoml_site.errors import Refused
from registry.models import ModelVersion
from training.datasets import newest_vector, refuse_suspect
from training.features.feature_set import feature_set
from training.features.matching import DEFAULT
from training.market_data.missing import Stretch, missing_stretches
from training.models import Candle, CandleRevision, Market
from training.models.market import IS_SUSPECT

NEWEST = 20  # of its gaps, suspects and revised candles that a report spells out


@dataclass(frozen=True)
class QualityReport:
    """A market's data as of a moment.

    gaps: holes between candles, oldest first. suspects: the newest candles ever marked, those that a person has cleared
    too, each with `close_before` and `close_after`. revised: the newest of the candles that their source changed.
    refused: why an answer from the newest candles is refused now, for each feature set that answers.
    """

    market: Market
    at: datetime
    candles: int
    first_opened_at: datetime | None
    newest_opened_at: datetime | None
    gaps: list[Stretch]
    volumes_absent: int
    suspect_count: int
    cleared_count: int
    suspects: list[Any]
    revised_count: int
    revisions: int
    revised_at: datetime | None  # when a source changed one last
    revised: list[Candle]
    refused: list[str]

    @property
    def missing(self) -> int:
        return sum(gap.candles for gap in self.gaps)

    @property
    def gap_count(self) -> int:
        return len(self.gaps)

    @property
    def newest_gaps(self) -> list[Stretch]:
        return self.gaps[: -NEWEST - 1 : -1]

    @property
    def earlier_gaps(self) -> int:
        """How many gaps there are beside the newest ones."""
        return max(self.gap_count - NEWEST, 0)

    @property
    def needs_a_person(self) -> bool:
        """Answers are refused until somebody does something; what lies further back costs rows to learn from, and no
        more."""
        return bool(self.refused)


def quality_of(market: Market, *, at: datetime) -> QualityReport:
    """By a handful of queries, however many candles there are; one of them reads them all."""
    counted = market.candles.aggregate(
        candles=Count("pk"),
        first_opened_at=Min("opened_at"),
        newest_opened_at=Max("opened_at"),
        volumes_absent=Count("pk", filter=Q(volume__isnull=True)),
        revised_count=Count("pk", filter=Q(revision__gt=0)),
        revisions=Sum("revision", default=0),
        revised_at=Max("stored_at", filter=Q(revision__gt=0)),
    )
    first, newest = counted["first_opened_at"], counted["newest_opened_at"]
    whole = first is None or (newest - first) // market.step + 1 == counted["candles"]
    marked = market.candles.filter(suspect__gt="").aggregate(all=Count("pk"), suspect=Count("pk", filter=IS_SUSPECT))
    return QualityReport(
        market=market,
        at=at,
        **counted,
        gaps=[] if whole else missing_stretches(market, start=first, end=newest),
        suspect_count=marked["suspect"],
        cleared_count=marked["all"] - marked["suspect"],
        suspects=list(suspects_of(market)[:NEWEST]) if marked["all"] else [],
        revised=list(revised_of(market)[:NEWEST]) if counted["revised_count"] else [],
        refused=list(refusals(market, newest, at=at)),
    )


def suspects_of(market: Market) -> Any:
    """Candles ever marked, newest first, each with the closes beside it."""
    beside = {
        name: market.candles.filter(opened_at=OuterRef("opened_at") + shift).values("close")
        for name, shift in (("close_before", -market.step), ("close_after", market.step))
    }
    marked = market.candles.filter(suspect__gt="").annotate(**{name: Subquery(one) for name, one in beside.items()})
    return marked.order_by("-opened_at")


def revised_of(market: Market) -> Any:
    """Candles that their source changed, newest first, each with what it said first."""
    first = Prefetch("revisions", CandleRevision.objects.filter(revision=0))
    return market.candles.filter(revision__gt=0).order_by("-opened_at").prefetch_related(first)


def refusals(market: Market, newest: datetime | None, *, at: datetime) -> Iterator[str]:
    """Why no answer can be given from the newest candles, in the words of who would refuse it."""
    if newest is None:
        yield f"{market} has no candles yet: load, fetch or simulate some"
        return
    try:
        market.check_fresh(newest, at=at)
    except Refused as refused:
        yield str(refused)
    answering = ModelVersion.objects.in_production().filter(model__market=market.name)
    for name in sorted(set(answering.values_list("feature_set", flat=True)) or {DEFAULT}):
        try:
            _refuse_window(market, name, newest)
        except Refused as refused:
            yield str(refused)


def _refuse_window(market: Market, name: str, newest: datetime) -> None:
    features = feature_set(name)
    stretch = market.candles.ending_at(newest, candles=features.window, step=market.step)
    window = stretch.series(interval=int(market.step.total_seconds()))
    newest_vector(window, features)
    refuse_suspect(window, features)
