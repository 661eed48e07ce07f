"""What providers really wrote; needs CRYPTOML_DATA_DIR."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from training.market_data.csv_file import read_candles
from training.market_data.load import load_candles
from training.models import Market

pytestmark = pytest.mark.real_data
NOW = datetime(2026, 11, 23, tzinfo=UTC)
DAY, HOUR = 86_400, 3_600
FILES = {  # rows, missing candles
    "bitcoin_daily": (4_658, 4),
    "ethereum_daily": (3_590, 1),
    "solana_daily": (1_882, 0),
    "ripple_daily": (4_177, 5),
    "dogecoin_daily": (4_046, 3),
    "cardano_daily": (2_621, 0),
    "bitcoin_hourly": (35_065, 0),
    "ethereum_hourly": (17_533, 0),
    "solana_hourly": (17_533, 0),
}


def closes_by_end(folder, name):
    """The close of each candle by the moment at which it was known."""
    interval = DAY if name.endswith("daily") else HOUR
    candles = read_candles(folder / f"{name}.csv", interval=interval, now=NOW).candles
    return {candle.opened_at + timedelta(seconds=interval): candle.close for candle in candles}


def differences(days, hours, *, shift=timedelta(0)):
    """Relative difference of the two closes of each instant that both know."""
    common = [(close, hours[end + shift]) for end, close in days.items() if end + shift in hours]
    daily, hourly = np.array(common).T
    return np.abs(daily / hourly - 1)


@pytest.mark.parametrize("name", FILES)
def test_every_row_is_read(data_dir, name):
    found = read_candles(data_dir / f"{name}.csv", interval=DAY if name.endswith("daily") else HOUR, now=NOW)
    assert (found.refused, found.not_closed) == ([], [])
    assert (len(found.candles), sum(gap.candles for gap in found.gaps)) == FILES[name]


def test_the_bitcoin_files_agree_on_the_close_of_each_day(data_dir):
    found = differences(closes_by_end(data_dir, "bitcoin_daily"), closes_by_end(data_dir, "bitcoin_hourly"))
    assert len(found) > 1_300
    assert found.max() < 0.02
    assert np.median(found) < 0.002


@pytest.mark.parametrize("days", [-1, 1])
def test_a_shift_by_a_day_would_not_pass(data_dir, days):
    daily, hourly = closes_by_end(data_dir, "bitcoin_daily"), closes_by_end(data_dir, "bitcoin_hourly")
    found = differences(daily, hourly, shift=timedelta(days=days))
    assert found.max() > 0.05
    assert np.median(found) > 0.01


@pytest.mark.django_db
def test_four_years_of_hours_load_and_load_again(data_dir, set_clock):
    first, second = (load_candles("bitcoin-usd-1h", data_dir / "bitcoin_hourly.csv").stored for _ in range(2))
    assert (first.inserted, second.unchanged) == (35_065, 35_065)
    series = Market.objects.get().candles.series(interval=HOUR)
    assert (len(series), int(np.isnan(series.close).sum())) == (35_065, 0)
