"""Real candles, served as CoinGecko would, come out as their file gives them; needs CRYPTOML_DATA_DIR."""

from datetime import timedelta

import pytest

from tests.training.market_data.sources.asking import DAY, HOUR, NOW, candles
from tests.training.market_data.sources.quotes import Figures, Quotes, milliseconds
from training.market_data.csv_file import read_candles
from training.models import Interval

pytestmark = pytest.mark.real_data
NOT_A_DAY = Figures(1.0, 1.0, 1.0)  # what the point of now would bring in


@pytest.fixture
def served(data_dir, coingecko, settings, set_clock):
    """served(file, interval): the file's candles; the stand-in quotes them, from some hours after the last one on."""
    coingecko.pro = True
    settings.COINGECKO_API_KEY, settings.COINGECKO_KEY_KIND = "CG-pro-key", "pro"

    def serve(name, interval):
        step = timedelta(seconds=interval.seconds)
        found = read_candles(data_dir / f"{name}.csv", interval=interval.seconds, now=NOW).candles
        set_clock((found[-1].opened_at + step + timedelta(hours=11, minutes=7, seconds=9)).isoformat())
        quoted = {
            milliseconds(candle.opened_at + step): Figures(candle.close, candle.market_cap or 0, candle.volume)
            for candle in found
        }
        width = step // timedelta(milliseconds=1)

        def at(stamp):
            return quoted.get(stamp) or (NOT_A_DAY if stamp % width else None)

        coingecko.quotes["bitcoin"] = Quotes(at=at, exact=True, blemishes=False)
        return found

    return serve


def test_days_are_those_of_the_file(served, source):
    expected = served("bitcoin_daily", Interval.DAY)
    start, end = expected[0].opened_at, expected[-1].opened_at + DAY
    assert len(expected) == 4_658
    assert candles(source(), Interval.DAY, start=start, end=end + DAY) == expected


def test_hours_have_the_closes_of_the_file(served, source):
    expected = served("bitcoin_hourly", Interval.HOUR)[-5_000:]
    start, end = expected[0].opened_at, expected[-1].opened_at + HOUR
    found = candles(source(), start=start, end=end)
    assert [(candle.opened_at, candle.close, candle.volume) for candle in found] == [
        (candle.opened_at, candle.close, candle.volume) for candle in expected
    ]
