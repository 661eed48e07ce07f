"""A library with ccxt's shapes: its tree of errors, and exchanges that page as the real ones do."""

from dataclasses import dataclass, field

from cryptoml_site.clock import now
from tests.training.market_data.sources.quotes import milliseconds

STEPS = {"1m": 60_000, "5m": 300_000, "1h": 3_600_000, "1d": 86_400_000}
LISTED = 1_577_836_800_000  # 2020-01-01


class BaseError(Exception):
    pass


class ExchangeError(BaseError):
    pass


class AuthenticationError(ExchangeError):
    pass


class BadRequest(ExchangeError):
    pass


class BadSymbol(BadRequest):
    pass


class NotSupported(ExchangeError):
    pass


class RestrictedLocation(ExchangeError):
    pass


class OperationFailed(BaseError):
    pass


class BadResponse(OperationFailed):
    pass


class NetworkError(OperationFailed):
    pass


class RequestTimeout(NetworkError):
    pass


class DDoSProtection(NetworkError):
    pass


class RateLimitExceeded(NetworkError):
    pass


class ExchangeNotAvailable(NetworkError):
    pass


class OnMaintenance(ExchangeNotAvailable):
    pass


def market(base, quote, **facts):
    return {"symbol": f"{base}/{quote}", "base": base, "quote": quote, "spot": True, "active": True, **facts}


def row(opened, step):
    """The candle that opened then; the close is a function of the time, and an hour in a hundred has no trade."""
    close = 100 + opened // step % 1_009
    return [opened, close - 0.5, close + 1.0, close - 1.0, float(close), 0 if opened // step % 100 == 7 else 5.0]


@dataclass
class Api:
    """One exchange. newest: it gives so many of the newest candles, whatever is asked, as Kraken does.

    windowed: it looks no further than one page after `since`, as Coinbase does.
    """

    options: dict = field(default_factory=dict)
    most: int = 300
    newest: int | None = None
    windowed: bool = False
    listed: int = LISTED
    absent: set = field(default_factory=set)  # open times without trades: no rows
    rows: list | None = None  # given instead
    errors: list = field(default_factory=list)  # raised by the next calls, one each
    calls: list = field(default_factory=list)
    last_response_headers: dict | None = None
    timeframes: dict = field(default_factory=lambda: dict.fromkeys(STEPS, "?"))
    has: dict = field(default_factory=lambda: {"fetchOHLCV": True})
    markets: dict | None = None
    currencies: dict | None = None

    @property
    def features(self):
        return {"spot": {"fetchOHLCV": {"limit": self.most}}}

    def load_markets(self, reload=False):
        self._called("load_markets", reload)
        listed = [market("BTC", "USDT"), market("BTC", "EUR"), market("ETH", "BTC"), market("OLD", "USD", active=False)]
        listed.append({**market("BTC", "USD"), "symbol": "BTC/USD:BTC", "spot": False})
        self.markets = {found["symbol"]: found for found in listed}
        self.currencies = {"BTC": {"name": "Bitcoin"}, "ETH": {"name": None}}
        return self.markets

    def fetch_ohlcv(self, symbol, timeframe, since, limit):
        self._called("fetch_ohlcv", symbol, timeframe, since, limit)
        if symbol not in self.markets:
            raise BadSymbol(f"stub does not have market symbol {symbol}")
        if self.rows is not None:
            return self.rows
        step, moment = STEPS[timeframe], milliseconds(now())
        first = moment - moment % step - (self.newest - 1) * step if self.newest else since
        opened = range(max(first, since, self.listed) // step * step, moment + 1, step)  # the last is still forming
        there = [found for found in opened if found >= since and found not in self.absent]
        if self.windowed:
            there = [found for found in there if found < since + limit * step]
        return [row(found, step) for found in there[: min(limit, self.most)]]

    def _called(self, *call):
        self.calls.append(call)
        if self.errors:
            raise self.errors.pop(0)

    @property
    def fetched(self):
        return [call for call in self.calls if call[0] == "fetch_ohlcv"]


class Library:
    """The module: its errors, and exchanges by name, each made once."""

    exchanges = ("stub", "binance", "kraken")

    def __init__(self, **facts):
        self._facts = facts
        for name, found in globals().items():
            if isinstance(found, type) and issubclass(found, BaseError):
                setattr(self, name, found)

    def _made(self, options):
        self.api = Api(options=options, **self._facts)
        return self.api

    stub = binance = kraken = _made
