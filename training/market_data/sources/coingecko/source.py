"""CoinGecko as a source of candles: closes, trailing volume and market cap; no open, high or low."""

import math
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, Unavailable, Unknown
from training.market_data.parsed import ParsedCandle
from training.market_data.sources.coingecko import ATTRIBUTION
from training.market_data.sources.coingecko.access import Access
from training.market_data.sources.coingecko.client import Client
from training.market_data.sources.coingecko.faults import COIN, CURRENCY
from training.market_data.sources.coingecko.points import candles_of, points_in
from training.market_data.sources.coingecko.questions import LONGEST, Question, check_interval, questions
from training.market_data.sources.source import Coin, MarketSource, closest
from training.models import Interval

FREE_HISTORY = timedelta(days=365)
LISTS_KEPT_SECONDS = 3_600.0
SHOWN = 20  # candidates that a sentence spells out

_lists: dict[str, tuple[float, list[Any]]] = {}  # by address: until when, and the answer


class CoinGecko(MarketSource):
    """By the settings COINGECKO_*. sleep, monotonic: in seconds."""

    name = "coingecko"
    attribution = ATTRIBUTION

    def __init__(
        self, *, sleep: Callable[[float], None] = time.sleep, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = Client(Access.by_settings(), sleep=sleep, monotonic=monotonic)
        self._monotonic = monotonic

    def coins(self, wanted: str) -> list[Coin]:
        coins, wanted = self._all_coins(), wanted.strip().lower()
        of_that_id = [coin for coin in coins if coin.id == wanted]
        return of_that_id or [coin for coin in coins if wanted in (coin.symbol.lower(), coin.name.lower())]

    def near(self, wanted: str) -> list[Coin]:
        return closest(wanted, self._all_coins())

    def check(self, coin: str, currency: str, interval: Interval) -> None:
        check_interval(interval)
        currencies = self._list("simple/supported_vs_currencies", of=str)
        if currency not in currencies:
            raise Invalid(f"CoinGecko has no prices in '{currency}', but in {', '.join(currencies)}", **CURRENCY)
        candidates = self.coins(coin)
        if coin not in {candidate.id for candidate in candidates}:
            raise Unknown(f"CoinGecko knows no coin by the id '{coin}'{_instead(candidates)}", **COIN)

    def oldest(self, interval: Interval, *, at: datetime) -> datetime | None:
        if interval == Interval.FIVE_MINUTES:
            return at - timedelta(days=1)
        return at - FREE_HISTORY if self._client.access.history_is_limited else None

    def page(self, interval: Interval) -> int:
        return LONGEST.get(interval, super().page(interval))

    def candles(
        self, coin: str, currency: str, interval: Interval, *, start: datetime, end: datetime
    ) -> Iterator[list[ParsedCandle]]:
        for question in questions(interval, start=start, end=end, at=now()):
            yield self._page(coin, currency, interval, question)

    def _page(self, coin: str, currency: str, interval: Interval, question: Question) -> list[ParsedCandle]:
        step = timedelta(seconds=interval.seconds)
        path = f"coins/{quote(coin, safe='')}/{question.endpoint}"
        chart = self._ask(path, vs_currency=currency, **question.params)
        points = points_in(chart, step=step, live=question.live)
        return list(candles_of(points, step=step, start=question.start, end=question.end, at=now()))

    def _ask(self, path: str, **params: str) -> Any:
        return self._client.get(path, patience=self.patience, unreached=self.patience_unreached, **params)

    def _all_coins(self) -> list[Coin]:
        """Without those that have a null in place of a symbol or name: nobody can mean them."""
        entries = self._list("coins/list", of=dict)
        try:
            named = [(entry["id"], entry["symbol"], entry["name"]) for entry in entries]
        except KeyError:
            raise _no_list("coins/list") from None
        return [Coin(*words) for words in named if all(isinstance(word, str) for word in words)]

    def _list(self, path: str, *, of: type) -> list[Any]:
        """Kept for an hour: the list of all coins is long, and changes a little from day to day."""
        address = f"{self._client.access.url}/{path}"
        until, kept = _lists.get(address, (-math.inf, []))
        if self._monotonic() < until:
            return kept
        found = self._ask(path)
        if not isinstance(found, list) or not all(isinstance(entry, of) for entry in found):
            raise _no_list(path)
        _lists[address] = self._monotonic() + LISTS_KEPT_SECONDS, found
        return found


def _no_list(path: str) -> Unavailable:
    return Unavailable(f"CoinGecko answered /{path} with something else than its list", code="source_unavailable")


def _instead(candidates: list[Coin]) -> str:
    if not candidates:
        return ": find it by its symbol or name"
    shown = ", ".join(str(coin) for coin in candidates[:SHOWN])
    return f"; by that symbol or name it knows {shown}"
