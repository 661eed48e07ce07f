"""Each metric has an interval, by the same resamples, and around the very figure that scikit-learn gives."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from training.evaluation.bootstrap import Draws
from training.evaluation.calibration import expected_calibration_error
from training.evaluation.figures import figures, resampled_roc_auc

NAMES = {"accuracy", "balanced_accuracy", "roc_auc", "log_loss", "brier", "ece"}


def forecasts(rows=2_000, *, seed=0, off=0.0):
    """A forecaster who is `off` by so much, always in the same direction."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(40, 40, size=rows)
    return (rng.random(rows) < chance).astype(np.int8), np.clip(chance + off, 0, 1)


def measured(truth, probability, *, horizon=1, seed=7, **options):
    return figures(truth, probability, Draws(len(truth), horizon=horizon, seed=seed, **options))


def test_every_metric_lies_within_its_interval():
    found = measured(*forecasts())
    assert set(found) == NAMES
    assert all(interval.low < interval.value < interval.high for interval in found.values())


def test_the_values_are_scikit_learns():
    truth, p = forecasts()
    theirs = {
        "accuracy": oracle.accuracy_score(truth, p >= 0.5),
        "balanced_accuracy": oracle.balanced_accuracy_score(truth, p >= 0.5),
        "roc_auc": oracle.roc_auc_score(truth, p),
        "log_loss": oracle.log_loss(truth, p),
        "brier": oracle.brier_score_loss(truth, p),
        "ece": expected_calibration_error(truth, p),
    }
    assert {name: found.value for name, found in measured(truth, p).items()} == pytest.approx(theirs)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20), st.integers(0, 3)), min_size=1, max_size=80),
    st.integers(1, 3),
)
def test_rows_that_count_several_times_have_the_area_that_scikit_learn_gives_them(rows, times):
    truth, percent, drawn = np.array([*rows, (0, 5, times), (1, 9, times)]).T
    area = resampled_roc_auc(truth.astype(np.int8), percent / 20)(np.stack([drawn, np.ones(len(drawn))]).astype(float))
    assert area[0] == pytest.approx(oracle.roc_auc_score(truth, percent / 20, sample_weight=drawn))
    assert area[1] == pytest.approx(oracle.roc_auc_score(truth, percent / 20))


@pytest.mark.parametrize("name", ["balanced_accuracy", "roc_auc", "ece"])
def test_an_interval_by_blocks_is_that_of_resampling_the_rows_themselves(name):
    """The plain way, one resample after the other, for figures that are no means."""
    truth, p = forecasts(600)
    plain = {
        "balanced_accuracy": lambda y, q: oracle.balanced_accuracy_score(y, q >= 0.5),
        "roc_auc": oracle.roc_auc_score,
        "ece": expected_calibration_error,
    }[name]
    draws, rng = Draws(600, horizon=1, seed=7), np.random.default_rng(3)
    resampled = []
    for _ in range(500):
        rows = (rng.integers(600, size=(67, 1)) + np.arange(draws.block)).ravel()[:600] % 600
        resampled.append(plain(truth[rows], p[rows]))
    low, high = np.quantile(resampled, [0.025, 0.975])
    found = measured(truth, p)[name]
    assert found.high - found.low == pytest.approx(high - low, rel=0.15)


@pytest.mark.parametrize("off", [0.0, 0.04])
def test_intervals_cover_what_so_many_rows_show_on_average(off):
    many = [measured(*forecasts(1_000, seed=seed, off=off), seed=seed, resamples=200) for seed in range(50)]
    for name in ("roc_auc", "balanced_accuracy", "ece"):
        found = [figures[name] for figures in many]
        average = np.mean([interval.value for interval in found])
        assert np.mean([interval.low <= average <= interval.high for interval in found]) >= 0.85
        assert all(interval.low < interval.value < interval.high for interval in found)


@pytest.mark.parametrize("only", [0, 1])
def test_one_class_has_no_figure_that_needs_two_and_no_interval_for_it(only):
    found = measured(np.full(500, only, np.int8), np.linspace(0.3, 0.7, 500))
    for name in ("roc_auc", "balanced_accuracy"):
        assert isnan(found[name].value)
        assert isnan(found[name].low)
    assert found["accuracy"].low < found["accuracy"].high


def test_a_class_that_most_resamples_lack_gives_no_interval():
    truth = np.zeros(500, np.int8)
    truth[3] = 1
    found = measured(truth, np.linspace(0.3, 0.7, 500))
    assert not isnan(found["roc_auc"].value)
    assert isnan(found["roc_auc"].low)


@pytest.mark.parametrize("rows", [0, 1, 31])
def test_too_few_rows_have_figures_without_an_interval(rows):
    found = measured(*forecasts(rows))
    assert all(isnan(interval.low) and isnan(interval.high) for interval in found.values())


def test_the_same_seed_gives_the_same_intervals():
    assert measured(*forecasts()) == measured(*forecasts())
    assert measured(*forecasts()) != measured(*forecasts(), seed=8)
