"""What the rule makes of real histories; needs CRYPTOML_DATA_DIR."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tests.training.market_data.test_real_candle_files import DAY, FILES, HOUR, NOW
from training.datasets import build_dataset
from training.features.feature_set import feature_set
from training.market_data.csv_file import read_candles
from training.market_data.load import load_candles
from training.market_data.outliers import outliers
from training.models import Market
from training.series import CandleSeries

pytestmark = pytest.mark.real_data
FLAGGED = {  # of 91,105 candles; docs/data-quality.md says what is known of each
    "bitcoin_hourly": ["2025-12-17T14:00"],
    "ethereum_daily": ["2017-03-17T00:00"],
}
CRASHES = [("bitcoin_daily", "2020-03-12"), ("bitcoin_daily", "2015-01-13"), ("dogecoin_daily", "2021-01-28")]


def series_of(folder, name):
    interval = DAY if name.endswith("daily") else HOUR
    candles = read_candles(folder / f"{name}.csv", interval=interval, now=NOW).candles
    opened_at = np.array([int(candle.opened_at.timestamp()) for candle in candles])
    absent = np.full(len(candles), np.nan)
    columns = dict.fromkeys(("open", "high", "low", "volume"), absent)
    closes = np.array([candle.close for candle in candles])
    return CandleSeries.on_grid(interval=interval, opened_at=opened_at, close=closes, **columns)


@pytest.mark.parametrize("name", FILES)
def test_of_real_candles_hardly_any_is_an_outlier(data_dir, name):
    series = series_of(data_dir, name)
    flagged = series.opened_at[outliers(series.close)]
    assert [str(np.datetime64(int(at), "s"))[:16] for at in flagged] == FLAGGED.get(name, [])


@pytest.mark.parametrize(("name", "day"), CRASHES)
def test_a_real_crash_or_leap_is_none(data_dir, name, day):
    series = series_of(data_dir, name)
    place = int(np.searchsorted(series.opened_at, datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()))
    leap = abs(np.log(series.close[place] / series.close[place - 1]))
    assert leap > 0.2
    assert not outliers(series.close)[place]


@pytest.mark.parametrize("name", ["bitcoin_hourly", "ethereum_hourly", "solana_hourly"])
def test_a_fifth_wrong_for_an_hour_is_found_in_nearly_every_place(data_dir, name):
    closes, found = series_of(data_dir, name).close, 0
    places = np.random.default_rng(0).integers(200, len(closes) - 2, 200)
    for place in places:
        wrong = closes[place - 101 : place + 2].copy()
        wrong[101] *= 1.2
        found += outliers(wrong)[101]
    assert found >= 0.95 * len(places)


@pytest.mark.django_db
def test_loaded_from_its_file_a_market_has_its_marks_and_training_leaves_their_rows_out(data_dir, set_clock):
    load_candles("bitcoin-usd-1h", data_dir / "bitcoin_hourly.csv")
    market = Market.objects.get()
    [at] = market.candles.suspect().values_list("opened_at", flat=True)
    assert at == datetime(2025, 12, 17, 14, tzinfo=UTC)
    features = feature_set("technical")
    dataset = build_dataset(market.candles.series(interval=HOUR), features, horizon=1)
    assert dataset.dropped["suspect"] == features.window + 1
