"""Windows: right by the oracle, and the same bits wherever the array was cut."""

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.candles import assert_same_bits, random_series
from training.features import windows

PRICES = random_series(3000).close


def test_moving_average_is_ta_libs():
    np.testing.assert_allclose(windows.moving_average(PRICES, 30), talib.SMA(PRICES, 30), rtol=1e-12)


def test_rolling_std_is_ta_libs_up_to_the_degree_of_freedom():
    """TA-Lib divides by n and takes the difference of large sums; ours divides by n - 1, in two passes."""
    ours = windows.rolling_std(PRICES, 7)
    np.testing.assert_allclose(ours * np.sqrt(6 / 7), talib.STDDEV(PRICES, 7), rtol=1e-5)
    expected = [PRICES[end - 7 : end].std(ddof=1) for end in range(7, 3001)]
    np.testing.assert_allclose(ours[6:], expected, rtol=1e-12)


@pytest.mark.parametrize("span", [9, 12, 26])
def test_ema_is_ta_libs_in_the_limit_of_many_taps(span):
    """TA-Lib's recursion begins with a plain mean, of which nothing is left after 2,000 candles."""
    many = windows.ema(PRICES, span, taps=1500)
    np.testing.assert_allclose(many[2000:], talib.EMA(PRICES, span)[2000:], rtol=1e-12)


@pytest.mark.parametrize("span", [2, 9, 12, 26, 200])
def test_ema_of_three_spans_leaves_out_a_quarter_of_a_percent_of_the_weight(span):
    kept = windows.ema_weights(span, 3 * span)[0]
    endless = 2 / (span + 1)
    assert 0 < 1 - endless / kept < 0.0025


def test_ema_weights_fall_and_add_up_to_one():
    weights = windows.ema_weights(12, 36)
    assert weights == sorted(weights, reverse=True)
    assert sum(weights) == pytest.approx(1, abs=1e-15)


def test_ema_differs_from_the_endless_one_by_less_than_the_weight_left_out_times_the_range():
    ours, endless = windows.ema(PRICES, 26)[500:], talib.EMA(PRICES, 26)[500:]
    assert np.abs(ours - endless).max() < 0.0025 * np.ptp(PRICES)


@settings(deadline=None)
@given(
    price=st.floats(1e-100, 1e100),
    window=st.integers(2, 40),
    measure=st.sampled_from([windows.moving_average, windows.ema]),
)
def test_averages_of_a_flat_window_are_exactly_its_price(price, window, measure):
    flat = np.full(150, price)
    assert (measure(flat, window)[-20:] == price).all()


@settings(deadline=None)
@given(price=st.floats(1e-100, 1e100), window=st.integers(2, 40))
def test_std_of_a_flat_window_is_exactly_zero(price, window):
    assert windows.rolling_std(np.full(60, price), window)[-20:].tolist() == [0.0] * 20


@settings(deadline=None)
@given(st.lists(st.floats(1e-3, 1e6), min_size=7, max_size=60))
def test_moving_average_lies_between_the_lowest_and_the_highest(prices):
    average = windows.moving_average(np.array(prices), 7)[6:]
    for end, value in enumerate(average, start=7):
        part = prices[end - 7 : end]
        assert min(part) * (1 - 1e-9) <= value <= max(part) * (1 + 1e-9) or max(part) > 1e6 * min(part)


MEASURES = {
    "mean": lambda values: windows.moving_average(values, 30),
    "std": lambda values: windows.rolling_std(values, 30),
    "ema": lambda values: windows.ema(values, 10),
    "log": lambda values: windows.log(values[29:]),
}


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_bits_do_not_depend_on_where_the_array_was_cut(measure):
    whole = measure(PRICES)
    for start in range(70):
        for length in (30, 31, 33, 64, 100):
            cut = measure(PRICES[start : start + length])
            known = cut[~np.isnan(cut)]
            assert_same_bits(known, whole[len(whole) - 3000 + start + length - len(known) :][: len(known)])


def test_log_has_the_same_bits_for_every_stride():
    """Of NumPy's two routines the last bits differ once in some thousand values, so it takes many to see."""
    values = np.random.default_rng(0).lognormal(sigma=5, size=200_000)
    columns = np.column_stack([values] * 3)
    backwards = values[::-1].copy()
    for strided in (columns[:, 1], backwards[::-1], np.repeat(values, 5)[::5]):
        assert_same_bits(windows.log(strided), np.log(values))


@pytest.mark.parametrize("length", range(5))
def test_an_array_shorter_than_the_window_gives_nan_throughout(length):
    for measure in (windows.moving_average, windows.rolling_std, windows.ema):
        assert np.isnan(measure(PRICES[:length], 5)).tolist() == [True] * length


def test_lagged_further_than_the_array_is_nan_throughout():
    assert np.isnan(windows.lagged(PRICES[:3], 4)).tolist() == [True] * 3


@given(st.lists(st.booleans()))
def test_unbroken_counts_back_to_the_newest_gap(present):
    counts = windows.unbroken(np.array(present, dtype=bool)).tolist()
    run = 0
    for is_there, count in zip(present, counts, strict=True):
        run = run + 1 if is_there else 0
        assert count == run
