"""What is known of a market's candles goes into the database here, whatever source it came from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Self

from django.db import transaction

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from training.market_data.parsed import ParsedCandle
from training.market_data.suspects import mark_suspects
from training.models import Candle, CandleRevision, Market
from training.outcomes import reopen

FIGURES = ParsedCandle._fields[1:]
BATCH = 10_000  # candles per statement


@dataclass(frozen=True)
class StoreReport:
    """How many candles were new, held already, and changed by their source."""

    inserted: int = 0
    unchanged: int = 0
    revised: int = 0

    def __add__(self, other: Self) -> "StoreReport":
        return StoreReport(
            self.inserted + other.inserted, self.unchanged + other.unchanged, self.revised + other.revised
        )

    def __str__(self) -> str:
        return f"{self.inserted} inserted, {self.unchanged} unchanged, {self.revised} revised"


def store_candles(market: Market, candles: Iterable[ParsedCandle]) -> StoreReport:
    """Store candles that ascend and are unique, all or none; figures that differ from those held become a revision.

    Outliers among them are marked, and so is the newest one held before that can be judged now. Raises Refused for a
    candle that has not closed yet.
    """
    report = StoreReport()
    candles = iter(candles)
    with transaction.atomic():
        Market.objects.select_for_update().get(pk=market.pk)  # two loaders at once: one after the other
        while batch := list(islice(candles, BATCH)):
            report += _store_batch(market, batch, at=now())
    return report


def _store_batch(market: Market, batch: list[ParsedCandle], *, at: datetime) -> StoreReport:
    last = batch[-1].opened_at
    if market.known_at(last) > at:
        raise Refused(f"the candle of {market} that opened at {last.isoformat()} is not closed yet", code="not_closed")
    stretch = market.candles.filter(opened_at__range=(batch[0].opened_at, last))
    held = {candle.opened_at: candle for candle in stretch}
    new = [candle for candle in batch if candle.opened_at not in held]
    revised = [
        candle for candle in batch if candle.opened_at in held and candle.figures != _figures(held[candle.opened_at])
    ]
    changed = sorted(new + revised)
    CandleRevision.objects.bulk_create(_keep(held[candle.opened_at], at) for candle in revised)
    reopen(market, [candle.opened_at for candle in changed])
    Candle.objects.bulk_create(
        _rows(market, changed, held, at),
        update_conflicts=True,
        unique_fields=["market", "opened_at"],
        update_fields=[*FIGURES, "revision", "stored_at", "suspect", "cleared"],
    )
    if changed:
        mark_suspects(market, changed[0].opened_at, changed[-1].opened_at)
    return StoreReport(len(new), len(batch) - len(new) - len(revised), len(revised))


def _rows(market: Market, candles: list[ParsedCandle], held: dict[datetime, Candle], at: datetime) -> Iterator[Candle]:
    """As they are now: of what was said of their earlier figures, nothing is kept here."""
    for candle in candles:
        earlier = held.get(candle.opened_at)
        revision = earlier.revision + 1 if earlier else 0
        yield Candle(market=market, revision=revision, stored_at=at, **candle._asdict())


def _keep(candle: Candle, at: datetime) -> CandleRevision:
    figures = dict(zip(FIGURES, _figures(candle), strict=True))
    return CandleRevision(candle=candle, revision=candle.revision, stored_at=candle.stored_at, revised_at=at, **figures)


def _figures(candle: Candle) -> tuple[float | None, ...]:
    return tuple(getattr(candle, name) for name in FIGURES)
