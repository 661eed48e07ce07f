"""How old the newest candle of each market is, beside how old it may be; what is missing, and what waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Min, Sum

from predictions.models import MissedForecast
from training.models import Market, Outcome

DAY = timedelta(days=1)


class State(StrEnum):
    """The worst first."""

    STALE = "stale"
    EMPTY = "no candles"
    WAITING = "due"  # closed, and within what a provider may take
    FRESH = "fresh"
    ENDED = "from a file"  # which has an end

    @classmethod
    def of(cls, market: Market, at: datetime) -> State:
        """Of a market, as `with_newest` gives it."""
        if market.newest_opened_at is None:
            return cls.EMPTY
        next_closes = market.known_at(market.newest_opened_at) + market.step
        if at <= next_closes:
            return cls.FRESH
        if at <= next_closes + market.grace:
            return cls.WAITING
        return cls.ENDED if market.ended else cls.STALE


@dataclass(frozen=True)
class Row:
    """One market; missing: candles between its first and its newest that are not there."""

    market: Market
    state: State
    closed: datetime | None  # its newest candle
    age: timedelta | None
    next_closes: datetime | None
    missing: int
    suspects: int
    error: str
    unsettled_since: datetime | None
    missed: int

    @property
    def share(self) -> float | None:
        """The age as a share of what it may be: over 1 the market is stale."""
        return None if self.age is None else self.age / (self.market.step + self.market.grace)


def by_state(at: datetime) -> list[tuple[State, Market]]:
    """All markets, those that need somebody first; what has waited longest of what it may wait leads."""
    order = list(State)
    found = [(State.of(market, at), market) for market in Market.objects.with_newest()]
    return sorted(found, key=lambda each: (order.index(each[0]), -_share(each[1], at), each[1].name))


def _share(market: Market, at: datetime) -> float:
    newest = market.newest_opened_at
    return 0.0 if newest is None else (at - market.known_at(newest)) / market.step


def counts(found: Iterable[tuple[State, Market]]) -> list[tuple[State, int]]:
    counted = Counter(state for state, _ in found)
    return [(state, counted[state]) for state in State if counted[state]]


def rows(found: Sequence[tuple[State, Market]], at: datetime) -> list[Row]:
    """Of a page of them, in the same few queries however many they are."""
    keys = [market.pk for _, market in found]
    held = Market.objects.with_newest().with_counts().select_related("fetch_state").in_bulk(keys)
    waiting = dict(
        Outcome.objects.due(at).filter(market__in=keys).order_by().values_list("market").annotate(Min("matures_at"))
    )
    missed = missed_since(at - DAY)
    return [_row(held[market.pk], state, waiting.get(market.pk), missed, at) for state, market in found]


def missed_since(moment: datetime) -> dict[str, int]:
    """By market, how many closes no model forecast that should have."""
    said = MissedForecast.objects.filter(created_at__gte=moment).order_by()
    return dict(said.values_list("model__market").annotate(Sum("closes")))


def oldest_unsettled(at: datetime) -> Outcome | None:
    """Of all markets, what should have been settled longest ago."""
    return Outcome.objects.due(at).select_related("market").order_by("matures_at").first()


def _row(market: Market, state: State, waiting: datetime | None, missed: dict[str, int], at: datetime) -> Row:
    newest = market.newest_opened_at
    closed = newest and market.known_at(newest)
    asked = getattr(market, "fetch_state", None)
    return Row(
        market=market,
        state=state,
        closed=closed,
        age=at - closed if closed else None,
        next_closes=closed + market.step if closed and not market.ended else None,
        missing=_missing(market),
        suspects=market.suspect_count,
        error=asked.error if asked else "",
        unsettled_since=waiting,
        missed=missed.get(market.name, 0),
    )


def _missing(market: Market) -> int:
    first, newest = market.first_opened_at, market.newest_opened_at
    if first is None or newest is None:
        return 0
    return (newest - first) // market.step + 1 - market.candle_count
