"""Indicators against TA-Lib where the definitions meet, and on flat markets, where its own give no answer."""

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.candles import random_series
from training.features import indicators

PRICES = random_series(3000, seed=1).close
FLAT = np.full(200, 0.1)  # twenty times 0.1 is not 2.0: a plain mean would not be flat


def test_rsi_is_the_value_with_which_ta_libs_begins():
    """TA-Lib's first value is Cutler's; from the second on Wilder's smoothing remembers what came before."""
    ours = indicators.rsi(PRICES)
    firsts = [talib.RSI(PRICES[end - 15 : end], 14)[-1] for end in range(15, 1000)]
    np.testing.assert_allclose(ours[14:999], firsts, rtol=1e-9)


def test_rsi_follows_cutlers_formula():
    changes = np.diff(PRICES[100:115])
    gain, loss = changes[changes > 0].mean() * (changes > 0).mean(), -changes[changes < 0].sum() / 14
    assert indicators.rsi(PRICES)[114] == pytest.approx(100 - 100 / (1 + gain / loss), rel=1e-12)


def test_macd_is_ta_libs_in_the_limit_of_many_taps():
    line, _, _ = talib.MACD(PRICES, 12, 26, 9)
    np.testing.assert_allclose(indicators.macd(PRICES, taps=1500)[2000:], line[2000:], rtol=1e-7, atol=1e-7)


def test_macd_of_three_spans_is_near_ta_libs():
    """What the taps cut off is small beside the range of prices, less so beside the difference of two means."""
    line, _, histogram = talib.MACD(PRICES, 12, 26, 9)
    assert np.corrcoef(indicators.macd(PRICES)[200:], line[200:])[0, 1] > 0.999
    assert np.corrcoef(indicators.macd_histogram(PRICES)[200:], histogram[200:])[0, 1] > 0.99


def test_bollinger_bands_are_ta_libs():
    upper, middle, lower = talib.BBANDS(PRICES, 20, 2.0, 2.0)
    np.testing.assert_allclose(indicators.bollinger_b(PRICES), (PRICES - lower) / (upper - lower), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(indicators.bollinger_log_width(PRICES), np.log((upper - lower) / middle), rtol=1e-5)


def test_log_return_is_ta_libs_rate_of_change():
    np.testing.assert_allclose(np.exp(indicators.log_return(PRICES, 7)), talib.ROCR(PRICES, 7), rtol=1e-12)


def test_realised_volatility_is_the_std_of_log_returns():
    returns = np.diff(np.log(PRICES))
    expected = [returns[end - 24 : end].std(ddof=1) for end in range(24, 3000)]
    np.testing.assert_allclose(indicators.realised_volatility(PRICES, 24)[24:], expected, rtol=1e-10)


FLAT_VALUES = {
    "simple_return": (indicators.simple_return, 0.0),
    "log_return": (lambda prices: indicators.log_return(prices, 7), 0.0),
    "price_to_average": (lambda prices: indicators.price_to_average(prices, 30), 0.0),
    "rsi": (indicators.rsi, 50.0),
    "macd": (indicators.macd, 0.0),
    "macd_histogram": (indicators.macd_histogram, 0.0),
    "bollinger_b": (indicators.bollinger_b, 0.5),
    "bollinger_log_width": (indicators.bollinger_log_width, np.log(indicators.SMALLEST_SPREAD)),
    "realised_volatility": (lambda prices: indicators.realised_volatility(prices, 24), 0.0),
}


@pytest.mark.parametrize(("indicator", "value"), FLAT_VALUES.values(), ids=FLAT_VALUES)
def test_a_flat_market_has_the_value_chosen_for_it(indicator, value):
    assert indicator(FLAT)[-1] == value


@settings(deadline=None)
@given(st.lists(st.floats(1e-6, 1e6), min_size=21, max_size=60))
def test_rsi_stays_between_0_and_100_and_turns_over_with_the_market(prices):
    prices = np.array(prices)
    rsi = indicators.rsi(prices)[14:]
    assert ((rsi >= 0) & (rsi <= 100)).all()
    mirrored = indicators.rsi(prices.max() + prices.min() - prices)[14:]
    if np.ptp(prices) > 1:
        np.testing.assert_allclose(rsi + mirrored, 100, atol=1e-3)


@settings(deadline=None)
@given(st.lists(st.floats(1e-6, 1e6), min_size=20, max_size=60))
def test_bollinger_b_stays_within_the_reach_of_its_window(prices):
    """The newest of n values lies at most sqrt(n - 1) deviations from their mean."""
    place = indicators.bollinger_b(np.array(prices))[19:]
    assert (np.abs(place - 0.5) <= np.sqrt(19) / 4 + 1e-9).all()


@settings(deadline=None)
@given(st.floats(-0.2, 0.2))
def test_log_returns_of_a_steady_market_are_its_rate_and_its_volatility_none(rate):
    prices = 100 * np.exp(rate * np.arange(60))
    np.testing.assert_allclose(indicators.log_return(prices, 3)[3:], 3 * rate, atol=1e-12)
    assert indicators.realised_volatility(prices, 24)[24:].max() < 1e-12


def test_spreads_below_the_smallest_count_as_it():
    tiny = indicators.log_spread(np.array([0.0, 1e-9, 1e-6, 1e-5]))
    assert tiny[0] == tiny[1] == tiny[2] < tiny[3]
