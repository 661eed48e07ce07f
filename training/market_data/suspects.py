"""Candles are marked here, by whoever changed them or what lies beside them: one function for every occasion."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

import numpy as np
from django.db import transaction

from training.market_data.outliers import LOOKBACK, outliers
from training.models import Candle, Market
from training.models.market import Suspicion

AT_ONCE = 50_000  # candles judged in one piece


@dataclass(frozen=True)
class Marks:
    """How many candles are suspect that were not, and the other way round."""

    marked: int = 0
    unmarked: int = 0

    def __add__(self, other: Self) -> "Marks":
        return Marks(self.marked + other.marked, self.unmarked + other.unmarked)

    def __str__(self) -> str:
        return f"{self.marked} marked as suspect, {self.unmarked} no more"


def mark_suspects(market: Market, first: datetime, last: datetime) -> Marks:
    """After the candles that opened from `first` to `last` were stored or changed: judge every one that this may touch.

    That is the one before them, which becomes decidable, and as many after them as see them in their window. Called in
    the transaction that changes them, under the market's lock. What a person has cleared stays cleared.
    """
    reach = LOOKBACK * market.step
    return _judge(market, first - market.step, last + reach)


def mark_all(market: Market) -> Marks:
    """Judge a whole history anew, stretch by stretch: those stored before there were marks, or by another rule.

    Each stretch is committed by itself: a loader, or whoever queues a run of the market, waits for one of them alone.
    """
    marks = Marks()
    for first, last in _stretches(market):
        with transaction.atomic():
            Market.objects.select_for_update().get(pk=market.pk)  # what a loader marks meanwhile is its own
            marks += _judge(market, first, last)
    return marks


def _stretches(market: Market) -> Iterator[tuple[datetime, datetime]]:
    oldest, newest = market.candles.order_by("opened_at").first(), market.newest()
    if oldest is None or newest is None:
        return
    first = oldest.opened_at
    while first <= newest:
        yield first, first + (AT_ONCE - 1) * market.step
        first += AT_ONCE * market.step


def _judge(market: Market, first: datetime, last: datetime) -> Marks:
    """Write down what changed between the two, both included, told from the closes that their flags depend on."""
    around = market.candles.filter(opened_at__range=(first - LOOKBACK * market.step, last + market.step))
    rows = list(around.order_by("opened_at").values_list("opened_at", "close", "suspect"))
    judged = [
        (opened_at, bool(before), now)
        for (opened_at, _, before), now in zip(rows, _flags(rows, market.step), strict=True)
        if first <= opened_at <= last
    ]
    return Marks(
        marked=_write(market, [at for at, before, now in judged if now and not before], Suspicion.OUTLIER),
        unmarked=_write(market, [at for at, before, now in judged if before and not now], ""),
    )


def _flags(rows: Sequence[tuple[datetime, float, str]], step: timedelta) -> list[bool]:
    """One for each row, holes between them seen as holes."""
    if not rows:
        return []
    places = [(row[0] - rows[0][0]) // step for row in rows]
    closes = np.full(places[-1] + 1, np.nan)
    closes[places] = [row[1] for row in rows]
    flags: list[bool] = outliers(closes)[places].tolist()
    return flags


def _write(market: Market, opened_at: list[datetime], suspect: str) -> int:
    if not opened_at:
        return 0
    return int(Candle.objects.filter(market=market, opened_at__in=opened_at).update(suspect=suspect))
