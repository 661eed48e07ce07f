"""The Sharpe ratio, and how much of it the number of trials leaves."""

from math import isnan, sqrt

import numpy as np
import pytest

from training.evaluation.bootstrap import Draws
from training.evaluation.sharpe import (
    bets_per_year,
    deflated_sharpe_ratio,
    expected_best,
    probability_above,
    sharpe_ratio,
)
from training.evaluation.trading import risk

DAY = 86_400


def test_the_published_example_comes_out():
    """Bailey & Lopez de Prado (2014): 2.5 a year over 1,250 days, the best of 100 trials whose variance is 1/2 a year,
    with skewness -3 and kurtosis 10."""
    by_luck = expected_best(sqrt(1 / 2 / 250), 100)
    deflated = probability_above(by_luck, sharpe=2.5 / sqrt(250), n=1_250, skewness=-3, kurtosis=10)
    assert round(by_luck, 4) == 0.1132
    assert round(deflated, 4) == 0.9004


def test_the_best_of_many_trials_of_noise_has_what_is_expected_by_luck():
    rng = np.random.default_rng(0)
    best = np.mean([rng.normal(size=50).max() for _ in range(5_000)])
    assert expected_best(1.0, 50) == pytest.approx(best, abs=0.05)


def test_one_trial_is_held_against_nothing():
    assert expected_best(1.0, 1) == 0


def test_the_more_trials_the_less_is_left():
    returns = np.random.default_rng(0).normal(0.05, 1, 1_000)
    own = sharpe_ratio(returns)
    left = [
        deflated_sharpe_ratio(returns, [*np.linspace(-own, own, trials), own], horizon=1)[0] for trials in (2, 20, 200)
    ]
    assert left == sorted(left, reverse=True)
    assert left[-1] < deflated_sharpe_ratio(returns, [own], horizon=1)[0]


@pytest.mark.parametrize("skill", [0.0, 0.1])
def test_a_deflated_ratio_is_convincing_for_skill_and_not_for_the_best_of_noise(skill):
    rng, convincing = np.random.default_rng(1), 0
    for _ in range(100):
        trials = rng.normal(size=(20, 1_000))
        trials[0] += 2 * skill
        ratios = [sharpe_ratio(trial) for trial in trials]
        convincing += deflated_sharpe_ratio(trials[int(np.argmax(ratios))], ratios, horizon=1)[0] > 0.95
    assert convincing >= 95 if skill else convincing <= 10


@pytest.mark.parametrize("returns", [np.zeros(100), np.full(100, 0.01), np.array([])])
def test_what_never_fluctuates_has_no_ratio(returns):
    assert isnan(sharpe_ratio(returns))


def test_a_ratio_is_annualised_by_the_root_of_the_bets_in_a_year():
    net = np.random.default_rng(0).normal(0.001, 0.01, 2_000)
    found = risk(net, Draws(2_000, horizon=1, seed=7), interval=DAY)
    assert found["sharpe"]["value"] == pytest.approx(net.mean() / net.std() * sqrt(365))
    assert found["sharpe_per_candle"] == pytest.approx(net.mean() / net.std())
    assert found["sharpe"]["low"] < found["sharpe"]["value"] < found["sharpe"]["high"]


def test_without_an_interval_nothing_is_annualised():
    assert risk(np.ones(3), Draws(3, horizon=1, seed=7), interval=None)["sharpe"] is None


def test_bets_that_overlap_do_not_make_holding_look_steadier():
    """Each row of a horizon of 10 holds the returns of ten candles: their mean moves less than any one of them."""
    rng = np.random.default_rng(3)
    candles = rng.normal(0.001, 0.01, 50_000)
    rows = np.convolve(candles, np.ones(10), "valid") / 10
    one, ten = sharpe_ratio(candles), sharpe_ratio(rows)
    annual = [ratio * sqrt(bets_per_year(interval=DAY, horizon=horizon)) for ratio, horizon in ((one, 1), (ten, 10))]
    assert annual[1] == pytest.approx(annual[0], rel=0.05)


@pytest.mark.parametrize("truth", [0.0, 0.05])
def test_the_interval_of_a_ratio_covers_the_truth(truth):
    covered = 0
    for seed in range(100):
        net = np.random.default_rng(seed).normal(truth, 1, 800)
        found = risk(net, Draws(800, horizon=1, seed=seed, resamples=300), interval=365 * DAY)["sharpe"]
        covered += found["low"] <= truth <= found["high"]
    assert 86 <= covered <= 100
