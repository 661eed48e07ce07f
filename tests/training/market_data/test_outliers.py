"""Closes that leap and come back: found, and nothing else is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.market_data.outliers import FEWEST_KNOWN, LEAST_SIGMA, LOOKBACK, RETURNED, SIGMAS, outliers
from training.market_data.simulation import Shift, SimulatedProcess

N, AT = 400, 250


def walk(seed=0, *, length=N, scale=0.005):
    return 45_000 * np.exp(np.cumsum(np.random.default_rng(seed).normal(scale=scale, size=length)))


def leapt(closes, row, by):
    changed = closes.copy()
    changed[row] *= by
    return changed


def flagged(closes):
    return np.flatnonzero(outliers(closes)).tolist()


@pytest.mark.parametrize("by", [1.1, 1.5, 10, 0.9, 0.5, 0.01])
def test_a_leap_that_comes_back_is_an_outlier_and_its_neighbours_are_none(by):
    assert flagged(leapt(walk(), AT, by)) == [AT]


def test_an_ordinary_walk_has_none():
    assert [flagged(walk(seed)) for seed in range(200)] == [[]] * 200


@pytest.mark.parametrize("by", [1.5, 0.5])
def test_a_crash_that_stays_is_news(by):
    closes = walk()
    closes[AT:] *= by
    assert flagged(closes) == []


def test_most_of_the_leap_comes_back_or_it_is_news():
    closes = np.full(N, 100.0)
    for share, found in ((RETURNED + 0.01, [AT]), (RETURNED - 0.01, []), (2 - RETURNED - 0.01, [AT]), (1.3, [])):
        closes[AT], closes[AT + 1 :] = 100 * np.exp(0.3), 100 * np.exp(0.3 * (1 - share))
        assert flagged(closes) == found, share


@pytest.mark.parametrize(("sigmas", "found"), [(SIGMAS + 0.1, [AT]), (SIGMAS - 0.1, [])])
def test_ten_sigmas_are_those_of_the_hundred_returns_before(sigmas, found):
    """Half of them of 0.9 %, half of 1.1 %: one return more or less on either side, and their median is another."""
    returns = np.where(np.arange(N) % 4 < 2, 0.009, 0.011) * np.where(np.arange(N) % 2, 1, -1)
    returns[: AT - 100] = 0.5
    closes = 100 * np.exp(np.cumsum(returns))
    before = closes[AT - 1]
    closes[AT], closes[AT + 1 :] = before * np.exp(sigmas * 1.4826 * 0.01), before
    assert flagged(closes) == found


def test_what_decides_lies_101_candles_back_at_most_and_one_ahead():
    assert LOOKBACK == 101
    closes = leapt(walk(), AT, 2)
    closes[AT - 60 : AT - 11] = np.nan  # which leaves just enough
    assert flagged(closes[AT - 101 : AT + 2]) == [101]
    assert flagged(closes[AT - 100 : AT + 2]) == []


def test_leaps_in_the_window_hide_no_other():
    closes = walk()
    for row in range(AT - 40, AT, 4):
        closes[row] *= 3
    assert AT in flagged(leapt(closes, AT, 1.5))


@pytest.mark.parametrize(("by", "found"), [(1.0095, []), (1.0105, [AT])])
def test_in_a_market_that_hardly_moves_a_return_below_one_percent_is_none(by, found):
    assert pytest.approx(0.01) == SIGMAS * LEAST_SIGMA
    assert flagged(leapt(np.full(N, 1.0), AT, by)) == found


def test_the_newest_candle_is_judged_when_the_next_is_there():
    closes = leapt(walk(), AT, 2)
    assert (flagged(closes[: AT + 1]), flagged(closes[: AT + 2])) == ([], [AT])


@pytest.mark.parametrize("hole", [AT - 1, AT, AT + 1])
def test_beside_a_hole_nobody_knows(hole):
    closes = leapt(walk(), AT, 2)
    closes[hole] = np.nan
    assert flagged(closes) == []


@pytest.mark.parametrize(("known", "found"), [(FEWEST_KNOWN, True), (FEWEST_KNOWN - 1, False)])
def test_of_too_few_returns_sigma_means_nothing(known, found):
    closes = leapt(walk(), AT, 2)[AT - 1 - known :]
    assert (flagged(closes) == [known + 1]) == found


@pytest.mark.parametrize("length", range(4))
def test_a_short_history_has_none(length):
    assert outliers(np.full(length, 7.0)).tolist() == [False] * length


@pytest.mark.parametrize("close", [5e-324, 1e-320, 1e-300, 1e300, 1.7e308])
def test_of_absurd_prices_the_right_candle_is_marked(close):
    closes = walk()
    closes[AT] = close
    assert flagged(closes) == [AT]


def test_absurd_prices_are_survived():
    closes = np.array([1e-300, 1e300] * 100 + [np.inf, -1.0, 0.0, np.nan])
    assert outliers(closes).dtype == np.bool_


histories = st.builds(
    lambda seed, scale, leaps, holes: _made(seed, scale, leaps, holes),
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.0005, 0.005, 0.05]),
    st.lists(st.tuples(st.integers(0, N - 1), st.sampled_from([0.5, 0.9, 1.011, 1.2, 3.0])), max_size=12),
    st.sets(st.integers(0, N - 1), max_size=60),
)


def _made(seed, scale, leaps, holes):
    closes = walk(seed, scale=scale)
    for row, by in leaps:
        closes[row] *= by
    closes[list(holes)] = np.nan
    return closes


@settings(deadline=None, max_examples=200)
@given(closes=histories, start=st.integers(0, N), length=st.integers(0, N))
def test_a_stretch_with_its_lookback_has_the_flags_of_the_whole_history(closes, start, length):
    """Bit for bit: no candle further back, and none but the next, has a say."""
    first, end = max(start - LOOKBACK, 0), min(start + length, N)
    stretch = outliers(closes[first : end + 1])
    np.testing.assert_array_equal(stretch[start - first : end - first], outliers(closes)[start:end])


@settings(deadline=None, max_examples=100)
@given(closes=histories, doublings=st.integers(-30, 30))
def test_the_unit_of_the_price_does_not_matter(closes, doublings):
    np.testing.assert_array_equal(outliers(np.ldexp(closes, doublings)), outliers(closes))


@settings(deadline=None, max_examples=100)
@given(closes=histories, row=st.integers(0, N - 1))
def test_an_outlier_needs_ten_sigmas_and_a_return(closes, row):
    """The definition again, slowly, for one candle."""
    found = bool(outliers(closes)[row])
    returns = np.log(closes[1:] / closes[:-1])
    if not 1 <= row < N - 1 or np.isnan(returns[row - 1] + returns[row]):
        assert not found
        return
    before = np.abs(returns[max(row - 1 - 100, 0) : row - 1])
    before = before[~np.isnan(before)]
    sigma = max(1.4826 * np.median(before), LEAST_SIGMA) if len(before) >= FEWEST_KNOWN else np.inf
    leap, back = returns[row - 1], returns[row]
    assert found == (abs(leap) > SIGMAS * sigma and abs(leap + back) <= (1 - RETURNED) * abs(leap))


PROCESSES = [
    SimulatedProcess(seed=seed, interval=interval, signal=signal, pull=pull)
    for seed in range(8)
    for interval, signal, pull in ((60, 0.2, True), (3_600, 0.0, False), (86_400, 0.5, False))
]


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: f"{process.seed}-{process.interval}")
def test_a_simulated_market_has_none(process):
    assert flagged(process.candles(400_000_000 // process.interval, 20_000).close) == []


@pytest.mark.parametrize("factor", [0.2, 3.0])
def test_a_simulated_market_whose_volatility_shifts_has_none(factor):
    for seed in range(20):
        first = 400_000_000 // 60
        shift = Shift(at=60 * (first + 1_000), factor=factor)
        process = SimulatedProcess(seed=seed, interval=60, volatility_shift=shift)
        assert flagged(process.candles(first, 2_000).close) == []
