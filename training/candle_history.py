"""What a stretch of candles said before its source revised it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from training.datasets import candles_sha256
from training.models import Candle, CandleRevision, Market, moment
from training.models.market import FIGURES
from training.series import CandleSeries, Floats

Figures = dict[str, tuple[float | None, float | None]]  # by name: then, now; None for an absent one


@dataclass(frozen=True)
class RevisedCandle:
    """A candle that says something else now. revised_at: when its source changed it last."""

    opened_at: datetime
    revised_at: datetime
    figures: Figures

    def __str__(self) -> str:
        changes = ", ".join(
            f"{name} {_said(then)} then, {_said(now)} now" for name, (then, now) in self.figures.items()
        )
        return (
            f"the candle that opened at {self.opened_at:%Y-%m-%d %H:%M} was revised at "
            f"{self.revised_at:%Y-%m-%d %H:%M:%S} UTC: {changes}"
        )


@dataclass(frozen=True, eq=False)
class Earlier:
    """A stretch as it was, and which of its candles say something else now."""

    series: CandleSeries
    revised: tuple[RevisedCandle, ...]


def before_revisions(market: Market, now: CandleSeries, *, sha256: str) -> Earlier | None:
    """The market's stretch with its newest revisions undone until it has that hash; None where no state of it has.

    The hash decides, no clock does: a revision may bear an earlier moment than an answer that did not see it.
    """
    undone: dict[datetime, datetime] = {}
    for revision, series in _undone(market, now):
        undone.setdefault(revision.candle.opened_at, revision.revised_at)
        if candles_sha256(series) == sha256:
            return Earlier(series, tuple(_compared(series, now, undone)))
    return None


def _undone(market: Market, series: CandleSeries) -> Iterator[tuple[CandleRevision, CandleSeries]]:
    """Before the newest revision, before the one before that, and so on to the first figures that were stored."""
    if not len(series):
        return
    stretch = Candle.objects.filter(
        market=market, opened_at__range=(moment(int(series.opened_at[0])), moment(int(series.opened_at[-1])))
    )
    revisions = CandleRevision.objects.filter(candle__in=stretch).select_related("candle")
    for revision in revisions.order_by("-pk"):  # written under the market's lock, so in this order
        place = _place(series, revision.candle.opened_at)
        columns: Any = {name: _put(getattr(series, name), place, getattr(revision, name)) for name in FIGURES}
        series = replace(series, **columns)
        yield revision, series


def _compared(then: CandleSeries, now: CandleSeries, revised_at: dict[datetime, datetime]) -> Iterator[RevisedCandle]:
    for opened_at in sorted(revised_at):
        place = _place(now, opened_at)
        pairs = {name: (_figure(then, name, place), _figure(now, name, place)) for name in FIGURES}
        figures = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
        if figures:  # what was revised and put back says the same again
            yield RevisedCandle(opened_at, revised_at[opened_at], figures)


def _place(series: CandleSeries, opened_at: datetime) -> int:
    return (int(opened_at.timestamp()) - int(series.opened_at[0])) // series.interval


def _put(values: Floats, place: int, figure: float | None) -> Floats:
    changed = values.copy()
    changed[place] = np.nan if figure is None else figure
    return changed


def _figure(series: CandleSeries, name: str, place: int) -> float | None:
    figure = float(getattr(series, name)[place])
    return None if np.isnan(figure) else figure


def _said(figure: float | None) -> str:
    return "absent" if figure is None else f"{figure!r}"
