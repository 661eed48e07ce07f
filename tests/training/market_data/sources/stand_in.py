"""A CoinGecko of the tests' own: real HTTP, a clock that may be driven, and every habit of MARKETDATA's twelve points.

    with StandIn() as coingecko:
        settings.COINGECKO_URL = coingecko.url

It is keyless unless a request brings one of KEYS. What it does wrong is switched on by its attributes.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptoml_site import clock
from tests.training.market_data.sources import faults
from tests.training.market_data.sources.faults import Answer, told
from tests.training.market_data.sources.quotes import DAY, FIVE_MINUTES, HOUR, Point, Quotes, milliseconds

KEYS = {"CG-demo-key": "demo", "CG-pro-key": "pro"}
HEADERS = {"demo": "x-cg-demo-api-key", "pro": "x-cg-pro-api-key"}
CURRENCIES = ["btc", "eth", "usd", "eur", "gbp", "jpy"]
COINS = [
    ("bitcoin", "btc", "Bitcoin"),
    ("ethereum", "eth", "Ethereum"),
    ("solana", "sol", "Solana"),
    ("batcat", "btc", "batcat"),
    ("harrypotterobamasonic10inu", "bitcoin", "HarryPotterObamaSonic10Inu (ETH)"),
    ("usd-coin", "usdc", "USDC"),
]


@dataclass(frozen=True)
class Asked:
    """One request, as it came in."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]  # names in lower case
    at: float  # of time.monotonic()


@dataclass
class StandIn:
    """now: the clock that its limits go by; by default that of the site, so that `set_clock` drives both."""

    now: Callable[[], datetime] = clock.now
    pro: bool = False  # it is the host of the paid plans
    history_days: int | None = 365  # of who has no pro key; None: no limit
    calls_per_minute: int | None = None  # by the wall clock, over any 60 s
    seconds_per_answer: float = 0.0
    quotes: dict[str, Quotes] = field(default_factory=lambda: {coin: Quotes() for coin, _, _ in COINS})
    faults: deque[Answer] = field(default_factory=deque)  # one for each of the next requests; none: as asked
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._turn = Lock()
        self._server = QuietServer(("127.0.0.1", 0), handler_of(self))
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/api/v3"

    @property
    def paths(self) -> list[str]:
        """What was asked, in order, without the parameters."""
        return [asked.path for asked in self.asked]

    def leave_out(self, coin: str, *moments: datetime) -> None:
        """It has no point for these hours or days, named by the moment of the price: the close of the candle before."""
        self.quotes[coin].holes.update(map(milliseconds, moments))

    def answer(self, asked: Asked) -> Answer:
        with self._turn:
            self.asked.append(asked)
            fault = self.faults.popleft() if self.faults else self._too_many(asked)
        time.sleep(self.seconds_per_answer)
        return fault or self._key_fault(asked) or self._answer(asked)

    def _too_many(self, asked: Asked) -> Answer | None:
        recent = [other for other in self.asked if other.at > asked.at - 60]
        if self.calls_per_minute is None or len(recent) <= self.calls_per_minute:
            return None
        return faults.THROTTLED_WITHOUT_HEADERS

    def _kind_of_key(self, asked: Asked) -> str | None:
        sent = {asked.headers[name] for name in HEADERS.values() if name in asked.headers}
        return next((KEYS[key] for key in sent if key in KEYS), None)

    def _key_fault(self, asked: Asked) -> Answer | None:
        brought = any(name in asked.headers for name in HEADERS.values())
        kind = self._kind_of_key(asked)
        if self.pro and kind == "demo":
            return faults.DEMO_KEY_ON_THE_PRO_HOST
        if not self.pro and kind == "pro":
            return faults.PRO_KEY_ON_THE_PUBLIC_HOST
        if (brought and kind is None) or (self.pro and kind is None):
            return faults.KEY_MISSING
        return None if kind is None or HEADERS[kind] in asked.headers else faults.KEY_MISSING

    def _answer(self, asked: Asked) -> Answer:
        match [unquote(part) for part in asked.path.removeprefix("/api/v3/").split("/")]:
            case ["ping"]:
                return told(200, {"gecko_says": "(V3) To the Moon!"})
            case ["simple", "price"]:
                return self._simple_price(asked.params)
            case ["simple", "supported_vs_currencies"]:
                return told(200, CURRENCIES)
            case ["coins", "list"]:
                return told(200, [{"id": coin, "symbol": symbol, "name": name} for coin, symbol, name in COINS])
            case ["coins", coin, "market_chart"]:
                return self._market_chart(coin, asked)
            case ["coins", coin, "market_chart", "range"]:
                return self._range(coin, asked)
        return faults.NOT_FOUND

    def _simple_price(self, params: dict[str, str]) -> Answer:
        """Unknown ids are left out, and so is one with a space before it."""
        if "vs_currencies" not in params:
            return faults.missing("vs_currencies")
        now = milliseconds(self.now())
        known = [coin for coin in params.get("ids", "").split(",") if coin in self.quotes]
        return told(
            200, {coin: {"usd": point.figures.price} for coin in known for point in self.quotes[coin].live(now)}
        )

    def _market_chart(self, coin: str, asked: Asked) -> Answer:
        if wrong := self._wrong(coin, asked.params, "vs_currency", "days"):
            return wrong
        now = milliseconds(self.now())
        days = math.inf if asked.params["days"] == "max" else int(asked.params["days"])
        if self._too_old(days, asked):
            return faults.TOO_OLD
        step = DAY if asked.params.get("interval") == "daily" else step_of(days, ends_now=True)
        return self._chart(coin, step, first=int(max(0, now - days * DAY)), last=now)

    def _range(self, coin: str, asked: Asked) -> Answer:
        if wrong := self._wrong(coin, asked.params, "vs_currency", "from", "to"):
            return wrong
        now = milliseconds(self.now())
        first, last = (1_000 * int(asked.params[name]) for name in ("from", "to"))
        if self._too_old((now - first) / DAY, asked):
            return faults.TOO_OLD
        step = step_of((last - first) / DAY, ends_now=last >= now - FIVE_MINUTES)
        return self._chart(coin, step, first=first, last=last)

    def _wrong(self, coin: str, params: dict[str, str], *required: str) -> Answer | None:
        if absent := [name for name in required if name not in params]:
            return faults.missing(absent[0])
        if coin not in self.quotes:
            return faults.COIN_NOT_FOUND
        return None if params["vs_currency"] in CURRENCIES else faults.INVALID_CURRENCY

    def _too_old(self, days: float, asked: Asked) -> bool:
        unlimited = self.history_days is None or self._kind_of_key(asked) == "pro"
        return not unlimited and days > self.history_days

    def _chart(self, coin: str, step: int, *, first: int, last: int) -> Answer:
        """The point of now ends an answer that reaches that far; after 5 minutes it precedes its neighbour."""
        now, quotes = milliseconds(self.now()), self.quotes[coin]
        points = list(quotes.points(step, first=first, last=min(last, now), now=now))
        if last >= now:
            live = list(quotes.live(now))
            if step == FIVE_MINUTES:
                points += [Point(point.stamp + 955, point.figures) for point in live]
            points += live
        return told(
            200,
            {
                "prices": [[point.stamp, point.figures.price] for point in points],
                "market_caps": [[point.stamp, point.figures.market_cap] for point in points],
                "total_volumes": [[point.stamp, point.figures.total_volume] for point in points],
            },
            cache_control="public, max-age=30",
        )


def step_of(days: float, *, ends_now: bool) -> int:
    """CoinGecko's granularity for a span of so many days."""
    if days > timedelta(days=90).days:
        return DAY
    return FIVE_MINUTES if days <= 1 and ends_now else HOUR


class QuietServer(ThreadingHTTPServer):
    daemon_threads, block_on_close = True, False

    def handle_error(self, *_: object) -> None:
        """A client that hung up, as some tests do."""


def handler_of(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(url.path, dict(parse_qsl(url.query, keep_blank_values=True)), headers, time.monotonic())
            answer = stand_in.answer(asked)
            if answer is faults.HUNG_UP:
                self.close_connection = True
                return
            body = answer.body.encode()
            self.send_response(answer.status)
            for name, value in {
                "Content-Type": answer.kind,
                "Content-Length": str(len(body)),
                **answer.headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler
