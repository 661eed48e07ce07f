"""The verbs of outcomes: expected at a close, settled when the target candle is there, opened again by a revision."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import transaction
from django.db.models import Q

from cryptoml_site.clock import now
from training.labels import log_return
from training.models import Candle, Market, Outcome

PATIENCE = 10  # candles after the target, within which a missing one may still arrive
BATCH = 10_000  # outcomes per transaction


@dataclass(frozen=True)
class Close:
    """A moment at which something was, or could have been, forecast."""

    market: Market
    as_of: datetime
    horizon: int


def expect(closes: Iterable[Close]) -> None:
    """See to it that each close has an outcome; those that have one keep it."""
    Outcome.objects.bulk_create(
        (
            Outcome(
                market=close.market,
                as_of=close.as_of,
                horizon=close.horizon,
                matures_at=close.market.known_at(close.as_of + close.horizon * close.market.step),
            )
            for close in closes
        ),
        ignore_conflicts=True,
        batch_size=BATCH,
    )


@dataclass(frozen=True)
class Settled:
    """How many outcomes were settled, and how many were given up."""

    settled: int = 0
    void: int = 0


@dataclass(frozen=True)
class Maturing:
    """A due outcome with the closes that it waits for; None for one that is not there."""

    outcome: Outcome
    start: float | None
    end: float | None

    @property
    def target(self) -> datetime:
        """Open time of the target candle."""
        moment: datetime = self.outcome.as_of + self.outcome.horizon * self.outcome.market.step
        return moment

    def given_up(self, moment: datetime) -> bool:
        return moment > self.outcome.matures_at + PATIENCE * self.outcome.market.step


def settle_due() -> Settled:
    """Settle every outcome whose candles are held; void those for which it has been waited long enough.

    Two at once settle each outcome once: the rows are locked, and each skips those that the other holds.
    """
    moment, settled, void, last = now(), 0, 0, 0
    while True:
        with transaction.atomic():
            batch = _lock_batch(moment, after=last)
            if not batch:
                return Settled(settled, void)
            last = batch[-1].outcome.pk
            ripe = [row for row in batch if row.start is not None and row.end is not None]
            lost = [row for row in batch if (row.start is None or row.end is None) and row.given_up(moment)]
            _settle(ripe, moment)
            _void(lost, moment)
        settled, void = settled + len(ripe), void + len(lost)


def reopen(market: Market, opened_at: Sequence[datetime]) -> int:
    """After candles were revised or arrived late: a pending revision for each settled or void outcome they belong to.

    Called in the transaction that stores the candles. How many were opened.
    """
    horizons = list(market.outcomes.values_list("horizon", flat=True).distinct())
    if not horizons or not opened_at:
        return 0
    touched = Q(as_of__in=opened_at)
    for horizon in horizons:
        touched |= Q(horizon=horizon, as_of__in=[moment - horizon * market.step for moment in opened_at])
    known = market.outcomes.newest().filter(touched).exclude(status=Outcome.Status.PENDING)
    again = [
        Outcome(
            market=market,
            as_of=outcome.as_of,
            horizon=outcome.horizon,
            matures_at=outcome.matures_at,
            revision=outcome.revision + 1,
        )
        for outcome in known
    ]
    Outcome.objects.bulk_create(again, batch_size=BATCH)
    return len(again)


def _lock_batch(moment: datetime, *, after: int) -> list[Maturing]:
    due = Outcome.objects.due(moment).filter(pk__gt=after).order_by("pk")
    rows = list(due.select_for_update(skip_locked=True, of=("self",)).select_related("market")[:BATCH])
    waiting = [Maturing(row, None, None) for row in rows]
    closes = _closes({(row.outcome.market_id, moment) for row in waiting for moment in (row.outcome.as_of, row.target)})
    return [
        Maturing(
            row.outcome,
            closes.get((row.outcome.market_id, row.outcome.as_of)),
            closes.get((row.outcome.market_id, row.target)),
        )
        for row in waiting
    ]


def _closes(wanted: set[tuple[int, datetime]]) -> dict[tuple[int, datetime], float]:
    candles = Candle.objects.filter(
        market__in={market for market, _ in wanted}, opened_at__in={opened_at for _, opened_at in wanted}
    )
    return {(market, opened): close for market, opened, close in candles.values_list("market", "opened_at", "close")}


def _settle(rows: list[Maturing], moment: datetime) -> None:
    starts, ends = (np.array([getattr(row, side) for row in rows], dtype=np.float64) for side in ("start", "end"))
    for row, figure in zip(rows, log_return(starts, ends).tolist(), strict=True):
        outcome = row.outcome
        outcome.status, outcome.settled_at = Outcome.Status.SETTLED, moment
        outcome.close_at_start, outcome.close_at_end, outcome.log_return = row.start, row.end, figure
    fields = ["status", "settled_at", "close_at_start", "close_at_end", "log_return"]
    _write([row.outcome for row in rows], fields)


def _void(rows: list[Maturing], moment: datetime) -> None:
    for row in rows:
        missing = row.outcome.as_of if row.start is None else row.target
        row.outcome.status, row.outcome.settled_at = Outcome.Status.VOID, moment
        row.outcome.void_reason = f"no candle opened at {missing:%Y-%m-%d %H:%M} UTC within {PATIENCE} candles"
    _write([row.outcome for row in rows], ["status", "settled_at", "void_reason"])


def _write(outcomes: list[Outcome], fields: list[str]) -> None:
    """Those fields of rows that are there: as arrays in one statement, where `bulk_update` asks a CASE of each row."""
    Outcome.objects.bulk_create(outcomes, update_conflicts=True, unique_fields=["id"], update_fields=fields)
