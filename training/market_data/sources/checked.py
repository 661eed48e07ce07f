"""What any source gives, checked before anybody acts on it: ours and a user's own, by the same rules.

What is wrong is refused with the source's name, and so is a source whose own code fails: its author learns what to
mend, and whoever runs a command reads a sentence.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from numbers import Real
from typing import Any

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused, Unavailable
from training.market_data.figures import FigureError, amount, check_bounds, price
from training.market_data.missing import floor
from training.market_data.parsed import ParsedCandle
from training.market_data.sources.replies import one_line
from training.market_data.sources.source import Coin, MarketSource
from training.models import Interval

CLOCKS_DIFFER = timedelta(minutes=1)  # by which a provider's clock may be ahead of ours


class Checked(MarketSource):
    """A source of which nothing is believed. Raises what it raises of ours, and Refused (bad_source) for the rest."""

    def __init__(self, source: MarketSource) -> None:
        self._source, self.name = source, source.name

    def coins(self, wanted: str) -> list[Coin]:
        return self._coins("coins", lambda: self._source.coins(wanted))

    def near(self, wanted: str) -> list[Coin]:
        return self._coins("near", lambda: self._source.near(wanted))

    def check(self, coin: str, currency: str, interval: Interval) -> None:
        with self._told("check"):
            self._source.check(coin, currency, interval)

    def oldest(self, interval: Interval, *, at: datetime) -> datetime | None:
        with self._told("oldest"):
            moment = self._source.oldest(interval, at=at)
        if moment is not None:
            self._check_moment(moment, "an oldest candle", at)
        return moment

    def page(self, interval: Interval) -> int:
        with self._told("page"):
            size = self._source.page(interval)
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise self._bad(f"gave pages of {size!r:.40} candles: a page is a whole number above zero")
        return size

    def candles(
        self, coin: str, currency: str, interval: Interval, *, start: datetime, end: datetime
    ) -> Iterator[list[ParsedCandle]]:
        """Those of the stretch alone: what a source gives beside it is left out."""
        step = timedelta(seconds=interval.seconds)
        with self._told("candles"):
            pages = iter(self._source.candles(coin, currency, interval, start=start, end=end))
        last = start - step
        for page in self._pages(pages):
            self._check_stamps(page)
            inside = [candle for candle in page if start <= candle.opened_at < end]
            self._check_line([last, *(candle.opened_at for candle in inside)], step)
            yield [self._believed(candle) for candle in inside]
            last = inside[-1].opened_at if inside else last

    def _coins(self, method: str, ask: Callable[[], Iterable[Any]]) -> list[Coin]:
        with self._told(method):
            coins = list(ask())
        for coin in coins:
            if not (
                isinstance(coin, Coin) and all(isinstance(word, str) for word in (coin.id, coin.symbol, coin.name))
            ):
                raise self._bad(
                    f"gave {coin!r:.100} in {method}(): a Coin has an id, a symbol and a name, all of them text"
                )
        return coins

    def _pages(self, pages: Iterator[Iterable[Any]]) -> Iterator[list[Any]]:
        while True:
            with self._told("candles"):  # and not while the page is worked on
                try:
                    page = list(next(pages))
                except StopIteration:
                    return
            yield page

    def _check_stamps(self, page: list[Any]) -> None:
        at = now()
        for candle in page:
            if not isinstance(candle, ParsedCandle):
                raise self._bad(f"gave {candle!r:.100} among its candles: a page is a list of ParsedCandle")
            self._check_moment(candle.opened_at, "a candle", at)

    def _check_moment(self, opened_at: Any, what: str, at: datetime) -> None:
        if not isinstance(opened_at, datetime):
            raise self._bad(f"gave {what} with the opened_at {opened_at!r:.60}: write a datetime in UTC")
        if opened_at.utcoffset() != timedelta(0):  # None where it names no zone
            raise self._bad(f"gave {what} with the opened_at {opened_at.isoformat()}: write it in UTC, and say so")
        if opened_at > at + CLOCKS_DIFFER:
            raise self._bad(f"gave {what} with the opened_at {opened_at.isoformat()}, which lies ahead of now")

    def _check_line(self, opened_at: list[datetime], step: timedelta) -> None:
        for earlier, later in pairwise(opened_at):
            if earlier >= later or floor(later, step) != later:
                raise self._bad(
                    f"gave a candle that opened at {later.isoformat()} after that of {earlier.isoformat()}: candles "
                    f"ascend, without doubles, in steps of {step}"
                )

    def _believed(self, candle: ParsedCandle) -> ParsedCandle:
        try:
            return believed(candle)
        except FigureError as reason:
            raise self._bad(f"gave a candle that opened at {candle.opened_at.isoformat()} whose {reason}") from None

    @contextmanager
    def _told(self, method: str) -> Iterator[None]:
        try:
            yield
        except Refused:
            raise
        except OSError as error:  # a network that is away, most often
            sentence = f"{self.name} failed in {method}() ({_said(error)}): try again later"
            raise Unavailable(sentence, code="source_unavailable", field="source") from error
        except Exception as error:  # somebody else's code may raise whatever it likes
            raise self._bad(f"failed in {method}() ({_said(error)})") from error

    def _bad(self, sentence: str) -> Refused:
        return Refused(f"{self.name} {sentence}; its author must mend it", code="bad_source", field="source")


def _said(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {error}")


def believed(candle: ParsedCandle) -> ParsedCandle:
    """With its figures as the database takes them: an amount of zero is absent. Raises FigureError."""
    figures = {name: _number(name, getattr(candle, name)) for name in ParsedCandle._fields[1:]}
    prices = {name: price(name, figures[name]) for name in ("open", "high", "low") if figures[name] is not None}
    opening, high, low = (prices.get(name) for name in ("open", "high", "low"))
    close = price("close", figures["close"])
    check_bounds(opening=opening, high=high, low=low, close=close)
    volume, market_cap = (amount(name, figures[name]) for name in ("volume", "market_cap"))
    return ParsedCandle(candle.opened_at, opening, high, low, close, volume, market_cap)


def _number(name: str, figure: Any) -> float | None:
    if figure is None:
        return None
    if isinstance(figure, bool) or not isinstance(figure, Real):
        raise FigureError(f"{name} is no number but {figure!r:.40}")
    try:
        return float(figure)
    except OverflowError:
        raise FigureError(f"{name} is not finite: it has hundreds of digits") from None
