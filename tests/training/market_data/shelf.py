"""A source whose candles are laid out by the test: what it has, how much of it a page holds, when it breaks down."""

from datetime import UTC, datetime, timedelta

from cryptoml_site.errors import Unavailable
from training.market_data.parsed import ParsedCandle
from training.market_data.sources.source import Coin, MarketSource

HOUR = timedelta(hours=1)


def at(hour):
    """The so many-th hour of the fourteen days that end with 2026-11-23 10:00 UTC, when the tests' clock stands."""
    return datetime(2026, 11, 9, 10, tzinfo=UTC) + hour * HOUR


def candle(opened_at, close=100.0):
    return ParsedCandle(opened_at, None, None, None, close, volume=5.0, market_cap=None)


BEGINNING = at(0)


class Shelf(MarketSource):
    name = "shelf"
    attribution = "Candles by the shelf"

    def __init__(self, hours=range(336), *, page=48, reach=BEGINNING, breaks_after=None):
        self.closes = {at(hour): 100.0 + hour % 7 for hour in hours}
        self.page_size, self.reach, self.breaks_after = page, reach, breaks_after
        self.asked = []
        self.known = [Coin("bitcoin", "btc", "Bitcoin")]

    def coins(self, wanted):
        by_id = [coin for coin in self.known if coin.id == wanted]
        return by_id or [coin for coin in self.known if wanted in (coin.symbol, coin.name)]

    def check(self, coin, currency, interval):
        pass

    def oldest(self, interval, *, at):
        return self.reach

    def page(self, interval):
        return self.page_size

    def candles(self, coin, currency, interval, *, start, end):
        self.asked.append((start, end))
        while start < end:
            if self.breaks_after is not None:
                if self.breaks_after == 0:
                    raise Unavailable("the shelf does not answer", code="source_unavailable")
                self.breaks_after -= 1
            stop = min(start + self.page_size * HOUR, end)
            yield [candle(moment, close) for moment, close in self.closes.items() if start <= moment < stop]
            start = stop
