"""Intervals that respect autocorrelation."""

from math import isnan

import numpy as np
import pytest

from training.evaluation.bootstrap import block_bootstrap, block_length


def autoregressive(rng, *, n, phi):
    """(n,) AR(1) around a mean of zero."""
    shocks = rng.normal(size=n)
    values = np.zeros(n)
    for row in range(1, n):
        values[row] = phi * values[row - 1] + shocks[row]
    return values


def covered(*, phi, horizon, series=100):
    """Share of the series whose interval covers the true mean, 0."""
    rng = np.random.default_rng(0)
    found = [
        block_bootstrap(autoregressive(rng, n=600, phi=phi), horizon=horizon, seed=seed, resamples=300)
        for seed in range(series)
    ]
    return np.mean([interval.low <= 0 <= interval.high for interval in found])


def test_interval_covers_the_mean_of_independent_figures():
    assert 0.88 <= covered(phi=0.0, horizon=1) <= 1.0


def test_interval_covers_the_mean_of_figures_that_remember():
    assert 0.85 <= covered(phi=0.6, horizon=8) <= 1.0


def test_figures_that_remember_get_a_wider_interval_than_the_same_ones_shuffled():
    rng = np.random.default_rng(3)
    figures = autoregressive(rng, n=2_000, phi=0.7)
    honest = block_bootstrap(figures, horizon=8, seed=0)
    naive = block_bootstrap(rng.permutation(figures), horizon=8, seed=0)
    assert honest.high - honest.low > 1.5 * (naive.high - naive.low)


def test_width_for_independent_hits_is_that_of_the_binomial():
    hits = np.random.default_rng(4).random(4_000) < 0.53
    interval = block_bootstrap(hits, horizon=1, seed=0)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * np.sqrt(0.53 * 0.47 / 4_000), rel=0.15)


def test_the_same_seed_gives_the_same_interval_and_another_one_another():
    figures = np.random.default_rng(5).normal(size=500)
    first, again, other = (block_bootstrap(figures, horizon=1, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert (first.low, first.high) != (other.low, other.high)


def test_figures_that_never_vary_have_an_interval_without_width():
    interval = block_bootstrap(np.ones(203), horizon=1, seed=0)
    assert (interval.value, interval.low, interval.high) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(("n", "horizon"), [(0, 1), (1, 1), (31, 1), (767, 24)])
def test_fewer_than_eight_blocks_give_no_interval(n, horizon):
    interval = block_bootstrap(np.ones(n), horizon=horizon, seed=0)
    assert isnan(interval.low)
    assert isnan(interval.high)
    assert not interval.above_zero
    assert not interval.below_zero


@pytest.mark.parametrize("horizon", [1, 3, 24])
def test_blocks_have_four_horizons_or_more_and_grow_like_the_cube_root(horizon):
    lengths = [block_length(n, horizon=horizon) for n in (1, 1_000, 1_000_000, 1_000_000_000)]
    assert lengths == [max(4 * horizon, root) for root in (1, 10, 100, 1_000)]
