"""The probability of backtest overfitting, by combinatorially symmetric cross-validation."""

from itertools import combinations
from math import isnan

import numpy as np
import pytest

from training.evaluation.overfitting import block_sums, probability_of_overfitting


def noise(trials, *, rows=1_600, seed=0):
    return np.random.default_rng(seed).normal(size=(trials, rows))


def overfitting(returns, **options):
    return probability_of_overfitting(np.stack([block_sums(trial, **options) for trial in returns]))


def by_hand(returns, *, blocks):
    """From the returns themselves, halving by halving."""
    stretches = np.stack(np.array_split(returns, blocks, axis=1), axis=1)
    below = []
    for chosen in combinations(range(blocks), blocks // 2):
        others = [block for block in range(blocks) if block not in chosen]
        first, second = (stretches[:, half].reshape(len(returns), -1) for half in (list(chosen), others))
        best = (first.mean(axis=1) / first.std(axis=1)).argmax()
        ratios = second.mean(axis=1) / second.std(axis=1)
        rank = (ratios < ratios[best]).sum() + 1
        logit = np.log(rank / (len(returns) + 1 - rank))
        below.append(0.5 if logit == 0 else float(logit < 0))
    return np.mean(below)


@pytest.mark.parametrize("trials", [2, 3, 8, 30])
def test_the_best_of_noise_is_as_often_bad_as_good_afterwards(trials):
    assert np.mean([overfitting(noise(trials, seed=seed), blocks=8) for seed in range(60)]) == pytest.approx(
        0.5, abs=0.1
    )


def test_a_trial_that_is_truly_better_stays_so():
    returns = noise(30)
    returns[7] += 0.3
    assert overfitting(returns) < 0.01


def test_a_trial_that_was_good_in_one_stretch_alone_is_found_out():
    returns = noise(20)
    for trial in range(16):
        returns[trial, trial * 100 : trial * 100 + 100] += 1.5
    assert overfitting(returns) > 0.5


@pytest.mark.parametrize("trials", [2, 5])
def test_sums_by_block_are_enough_to_say_what_the_returns_say(trials):
    for seed in range(5):
        returns = noise(trials, rows=600, seed=seed)
        assert overfitting(returns, blocks=6) == pytest.approx(by_hand(returns, blocks=6))


def test_the_time_of_each_block_is_the_same_for_every_trial_and_its_order_does_not_matter():
    blocks = np.stack([block_sums(trial) for trial in noise(6)])
    assert probability_of_overfitting(blocks[:, ::-1]) == probability_of_overfitting(blocks)


def test_trials_that_never_moved_are_no_fault():
    assert 0 <= overfitting(np.zeros((3, 100))) <= 1
    assert overfitting(np.stack([np.zeros(160), np.random.default_rng(0).normal(0.5, 1, 160)])) == 0


def test_one_trial_alone_cannot_be_the_best_of_many():
    assert isnan(overfitting(noise(1)))


@pytest.mark.parametrize("blocks", [1, 7])
def test_blocks_that_cannot_be_halved_are_refused(blocks):
    with pytest.raises(ValueError, match="even number"):
        overfitting(noise(2), blocks=blocks)
