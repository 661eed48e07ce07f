"""Exchanges through ccxt: open, high, low, close and volume in the coin, stamped with the open.

ccxt is an extra of its own (requirements-exchanges.txt), for it holds back the versions of many packages; it is
imported when a source `ccxt:EXCHANGE` is made and nowhere else. Only public endpoints are asked, so there are no keys.
"""

import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from threading import Lock
from typing import Any

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, Refused, Unknown
from training.market_data.figures import is_price
from training.market_data.parsed import ParsedCandle
from training.market_data.sources.persistence import InTroubleError, Patience, is_unreached, persist
from training.market_data.sources.replies import one_line, retry_after
from training.market_data.sources.source import FEWEST_PER_QUESTION, Coin, MarketSource, closest
from training.models import Interval

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
MARKETS_KEPT_SECONDS = 86_400.0
TIMEOUT_MS = 20_000
ONLY_NEWEST = {"kraken": 720}  # candles, the one still forming among them; older ones cannot be had
QUERY = re.compile(r"\?\S*")  # of an address: ccxt puts it before the exchange's words
UNREADABLE = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError)  # over an answer nobody expected


class Exchange(MarketSource):
    """One exchange. library: ccxt, or what stands in for it. sleep, monotonic: in seconds."""

    def __init__(
        self,
        exchange: str,
        *,
        library: Any = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ccxt = library or _installed()
        self.name, self._id = f"ccxt:{exchange}", exchange
        self._connection = _connected(self._ccxt, exchange)
        self._api = self._connection.api
        self._sleep, self._monotonic = sleep, monotonic

    def coins(self, wanted: str) -> list[Coin]:
        wanted = wanted.strip().lower()
        coins = {coin.id: coin for coin in self._all_coins()}
        return [coins[wanted]] if wanted in coins else [c for c in coins.values() if c.name.lower() == wanted]

    def near(self, wanted: str) -> list[Coin]:
        return closest(wanted, self._all_coins())

    def check(self, coin: str, currency: str, interval: Interval) -> None:
        self._check_interval(interval)
        self._symbol(coin, currency)

    def oldest(self, interval: Interval, *, at: datetime) -> datetime | None:
        candles = ONLY_NEWEST.get(self._id)
        return at - (candles - 1) * _step(interval) if candles else None

    def page(self, interval: Interval) -> int:
        features = (getattr(self._api, "features", None) or {}).get("spot") or {}
        limit = (features.get("fetchOHLCV") or {}).get("limit")
        return limit if isinstance(limit, int) and limit > 0 else FEWEST_PER_QUESTION

    def candles(
        self, coin: str, currency: str, interval: Interval, *, start: datetime, end: datetime
    ) -> Iterator[list[ParsedCandle]]:
        """Goes on behind the last candle of each page; behind where a page would have ended when it is empty.

        So every question moves on, whatever the exchange answers: it may have no candle of an hour without trades, or
        of the years before it listed the coin.
        """
        self._check_interval(interval)
        symbol, step, size = self._symbol(coin, currency), _step(interval), self.page(interval)
        while start < min(end, now()):
            rows = self._ask("fetch_ohlcv", symbol, interval.value, (start - EPOCH) // MILLISECOND, size)
            page = [candle for candle in self._closed(rows, step) if start <= candle.opened_at < end]
            yield page
            start = page[-1].opened_at + step if page else start + size * step

    def _closed(self, rows: Any, step: timedelta) -> list[ParsedCandle]:
        """In order and without doubles; without the one that is still forming and those with impossible figures."""
        try:
            candles = [candle for row in rows if (candle := _candle(*row[:6]))]
        except UNREADABLE:
            raise self._refused("gave something that is no list of candles") from None
        if off := [found for found in candles if (found.opened_at - EPOCH) % step]:
            raise Refused(
                f"a candle of {self._id} opens at {off[0].opened_at.isoformat()}, off the grid of {step} in UTC: take "
                "another interval or exchange",
                code="wrong_interval",
                field="interval",
            )
        closed = {candle.opened_at: candle for candle in candles if candle.opened_at + step <= now()}
        return [closed[opened_at] for opened_at in sorted(closed)]

    def _check_interval(self, interval: Interval) -> None:
        timeframes = getattr(self._api, "timeframes", None) or {}
        if not self._api.has.get("fetchOHLCV") or interval.value not in timeframes:
            offered = ", ".join(known.value for known in Interval if known.value in timeframes) or "none that we know"
            raise Invalid(
                f"{self._id} has no candles of {interval.value}; of our intervals it has {offered}",
                code="interval_unsupported",
                field="interval",
            )

    def _symbol(self, coin: str, currency: str) -> str:
        """ccxt's name of the pair."""
        pairs = [market for market in self._spot() if market["base"].lower() == coin]
        if not pairs:
            raise Unknown(
                f"{self._id} trades no coin called '{coin}': it goes by symbols, such as btc",
                code="coin_unknown",
                field="coin",
            )
        for market in pairs:
            if market["quote"].lower() == currency:
                return str(market["symbol"])
        quotes = ", ".join(sorted(market["quote"].lower() for market in pairs))
        raise Invalid(
            f"{self._id} does not trade {coin} against '{currency}', but against {quotes}",
            code="currency_unknown",
            field="currency",
        )

    def _all_coins(self) -> Iterator[Coin]:
        bases = sorted({market["base"] for market in self._spot()})
        currencies = self._api.currencies or {}
        for base in bases:
            known = currencies.get(base) or {}
            yield Coin(base.lower(), base.lower(), known.get("name") or base)

    def _spot(self) -> list[dict[str, Any]]:
        """Loaded once a day: for some exchanges it is the largest answer of all."""
        if self._monotonic() >= self._connection.loaded_until:
            self._ask("load_markets", True)
            self._connection.loaded_until = self._monotonic() + MARKETS_KEPT_SECONDS
        markets = self._api.markets.values()
        return [market for market in markets if market.get("spot") and market.get("active") is not False]

    def _ask(self, method: str, *arguments: object) -> Any:
        left = Patience(self.patience, self._sleep, self._monotonic, unreached=self.patience_unreached)
        return persist(lambda: self._ask_once(method, arguments), left)

    def _ask_once(self, method: str, arguments: tuple[object, ...]) -> Any:
        with self._connection.asking:
            try:
                answer = getattr(self._api, method)(*arguments)
            except self._ccxt.BaseError as error:
                raise self._said(error) from None
            except UNREADABLE as error:
                raise InTroubleError(f"{self._id} gave an answer that ccxt cannot read ({error!r:.200})") from None
            if not answer and _is_page(getattr(self._api, "last_http_response", None)):
                raise InTroubleError(f"{self._id} gave a web page")  # of which ccxt makes an empty list
            return answer

    def _said(self, error: Exception) -> Exception:
        """What is to be raised for an error of ccxt: its NetworkErrors pass, its ExchangeErrors stay."""
        kinds, words = self._ccxt, one_line(QUERY.sub("", str(error)))
        if isinstance(error, kinds.RestrictedLocation) or "restricted location" in str(error):
            return Refused(
                f"{words}; it answers nobody at this place: take another exchange",
                code="location_refused",
                field="source",
            )
        if isinstance(error, (kinds.RateLimitExceeded, kinds.DDoSProtection)):
            headers = getattr(self._api, "last_response_headers", None) or {}
            after = retry_after(str(headers.get("Retry-After", "")), at=now())
            return InTroubleError(words, code="rate_limited", after=after)
        if isinstance(error, (kinds.NetworkError, kinds.BadResponse)):
            return InTroubleError(words, unreached=is_unreached(error))
        if isinstance(error, kinds.BadSymbol):
            return Unknown(words, code="coin_unknown", field="coin")
        return self._refused(f"refused: {words}")

    def _refused(self, sentence: str) -> Refused:
        return Refused(f"{self._id} {sentence}", code="source_refused", field="source")


def _installed() -> Any:
    try:
        return import_module("ccxt")
    except ModuleNotFoundError as error:
        raise Refused(
            f"exchanges need a package that is not installed ({error.name}): pip install -r requirements-exchanges.txt",
            code="extra_missing",
            field="source",
        ) from None


@dataclass
class Connection:
    """ccxt's object of an exchange, which keeps its pace and the markets that it loaded.

    asking: held for as long as one question takes. The object keeps the moment of its last question and the headers of
    its last answer, and of two threads that ask at once each would wait, and read, by the other's.
    """

    api: Any
    loaded_until: float = -math.inf  # seconds of a monotonic clock
    asking: Lock = field(default_factory=Lock)


@cache
def _connected(library: Any, exchange: str) -> Connection:
    """One per process."""
    if exchange not in library.exchanges:
        near = get_close_matches(exchange, library.exchanges)
        raise Unknown(
            f"ccxt knows no exchange called '{exchange}'" + (f": perhaps {' or '.join(near)}" if near else ""),
            code="unknown_source",
            field="source",
        )
    api = getattr(library, exchange)({"enableRateLimit": True, "timeout": TIMEOUT_MS})
    kinds = api.options.get("fetchMarkets")
    if isinstance(kinds, dict) and "types" in kinds:
        kinds["types"] = ["spot"]  # futures come from other hosts, which some places may not reach
    return Connection(api)


def _is_page(body: Any) -> bool:
    return isinstance(body, str) and body.lstrip().startswith("<")


def _step(interval: Interval) -> timedelta:
    return timedelta(seconds=interval.seconds)


def _candle(opened_at: Any, opening: Any, high: Any, low: Any, close: Any, volume: Any) -> ParsedCandle | None:
    """None where the figures are impossible: no close, or no price, or a high and low that do not bound the others."""
    first, highest, lowest, last = prices = [_figure(price) for price in (opening, high, low, close)]
    if last is None or not all(price is None or is_price(price) for price in prices):
        return None
    known = [price for price in (first, last) if price is not None]
    if min(known) < (lowest or 0.0) or max(known) > (highest or math.inf):
        return None
    return ParsedCandle(EPOCH + int(opened_at) * MILLISECOND, first, highest, lowest, last, _figure(volume), None)


def _figure(figure: Any) -> float | None:
    """None for what is absent: null, zero and what is no number."""
    number = math.nan if figure is None else float(figure)
    return number if math.isfinite(number) and number > 0 else None
