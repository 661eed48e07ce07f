"""What the tests of sources ask, and what they compare the answer with."""

from datetime import UTC, datetime, timedelta

from tests.training.market_data.sources.quotes import milliseconds, wave
from training.models import Interval

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)  # of `set_clock`
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def candles(source, interval=Interval.HOUR, *, start, end=NOW, coin="bitcoin", currency="usd"):
    """All pages as one list."""
    pages = source.candles(coin, currency, interval, start=start, end=end)
    return [candle for page in pages for candle in page]


def opened(found):
    return [candle.opened_at for candle in found]


def grid(start, end, step):
    """Open times from `start` on and before `end`."""
    return [start + place * step for place in range((end - start) // step)]


def quoted(moment):
    """The stand-in's price at that moment."""
    return wave(milliseconds(moment)).price
