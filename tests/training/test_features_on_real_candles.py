"""The promises of the features on what markets really did; needs CRYPTOML_DATA_DIR."""

import numpy as np
import pytest

from tests.training.candles import assert_same_bits, series_of
from training.datasets import build_dataset, newest_vector
from training.features.feature_set import FEATURE_SETS

pytestmark = pytest.mark.real_data


@pytest.fixture
def hourly(data_dir):
    close, volume = np.loadtxt(data_dir / "bitcoin_hourly.csv", delimiter=",", skiprows=1, usecols=(4, 5)).T
    return series_of(close, volume)


@pytest.mark.parametrize("features", FEATURE_SETS.values(), ids=FEATURE_SETS)
def test_four_years_of_hours_lose_only_their_ends(hourly, features):
    dataset = build_dataset(hourly, features, horizon=1)
    assert len(dataset) == len(hourly) - features.window
    assert 0.49 < dataset.y.mean() < 0.52


@pytest.mark.parametrize("features", FEATURE_SETS.values(), ids=FEATURE_SETS)
def test_serving_has_the_bits_of_training_on_real_prices(hourly, features):
    dataset = build_dataset(hourly, features, horizon=1)
    for row in range(0, len(dataset), 397):
        assert_same_bits(newest_vector(hourly, features, as_of=int(dataset.as_of[row])), dataset.X[row])
