"""Which rows teach, what each counts, and what is held back: the options of a recipe at work."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptoml_site.errors import Refused
from tests.training.planted import HOUR, planted
from tests.training.spies import Spy, numbered
from training.fitting.calibrating import Calibrated
from training.fitting.learner import Learner
from training.fitting.walk_forward import cut, walk_forward
from training.recipe import Options


def learner(spy=None, **options):
    return Learner(spy or Spy(), {}, Options(**options), seed=7)


def small_moves(rows, *, every):
    """Log returns of one sigma, but for every so many rows that hardly moved."""
    ahead = 0.02 * (np.arange(rows) % 2 - 0.5)
    ahead[::every] *= 0.1
    return ahead


@settings(max_examples=30, deadline=None)
@given(
    horizon=st.integers(1, 24),
    embargo=st.integers(0, 18),
    window=st.sampled_from([0, 250, 300]),
    calibration=st.sampled_from(["none", "sigmoid"]),
    dead_zone=st.sampled_from([0.0, 0.5]),
)
def test_nothing_that_is_fitted_sees_a_row_of_the_test_or_of_the_gap(horizon, embargo, window, calibration, dead_zone):
    """The spy is asked for the rows of the sigmoid too, before it is asked for those of the test."""
    asked = {"window": window, "embargo": embargo, "calibration": calibration, "dead_zone": dead_zone}
    spy, dataset = Spy(), numbered(2_000, horizon=horizon, log_return=small_moves(2_000, every=7))
    cuts = cut(2_000, folds=4, horizon=horizon, embargo=embargo, window=window)
    walk_forward(dataset, learner(spy, **asked), cuts)
    asked_of_each = 1 if calibration == "none" else 2
    assert len(spy.answered) == asked_of_each * len(cuts)
    for place, (fold, fitted) in enumerate(zip(cuts, spy.fitted, strict=True)):
        *held_back, tested = spy.answered[asked_of_each * place : asked_of_each * (place + 1)]
        seen = np.concatenate([fitted, *held_back])
        assert fold.train_start <= seen.min()
        assert seen.max() < fold.test_start - horizon - embargo
        assert tested.tolist() == list(range(fold.test_start, fold.test_stop))


def test_the_newest_fifth_calibrates_and_a_horizon_before_it_is_purged():
    lessons = learner(calibration="sigmoid").lessons(numbered(horizon=5), slice(100, 600))
    assert (lessons.fitted[0], lessons.fitted[-1]) == (100, 494)
    assert (lessons.held_back[0], lessons.held_back[-1]) == (500, 599)


def test_without_calibration_all_rows_are_fitted():
    lessons = learner().lessons(numbered(), slice(0, 500))
    assert (len(lessons.fitted), len(lessons.held_back)) == (500, 0)
    assert not isinstance(learner().fit(numbered(), slice(0, 500)), Calibrated)


def test_rows_of_the_dead_zone_teach_nothing_and_are_answered_all_the_same():
    spy, dataset = Spy(), numbered(log_return=small_moves(1_000, every=3))
    walk = walk_forward(dataset, learner(spy, dead_zone=0.5), cut(1_000, folds=4, horizon=1))
    assert not any((rows % 3 == 0).any() for rows in spy.fitted)
    assert len(walk.probability) == 800
    assert (np.concatenate(spy.answered) % 3 == 0).any()


def test_rows_of_the_dead_zone_calibrate_nothing():
    dataset = numbered(log_return=small_moves(1_000, every=3))
    lessons = learner(dead_zone=0.5, calibration="sigmoid").lessons(dataset, slice(0, 1_000))
    assert not (lessons.held_back % 3 == 0).any()
    assert len(lessons.held_back) == 133


def test_a_row_whose_sigma_is_unknown_teaches():
    sigma = np.where(np.arange(1_000) < 100, np.nan, 0.01)
    dataset = numbered(log_return=np.full(1_000, 1e-9), sigma=sigma, y=np.arange(1_000) % 2)
    assert learner(dead_zone=0.5).lessons(dataset, slice(0, 1_000)).fitted.tolist() == list(range(100))


def test_a_dead_zone_that_leaves_too_few_is_refused_with_the_numbers():
    dataset = numbered(log_return=np.full(1_000, 1e-9))
    with pytest.raises(Refused, match="smaller dead zone") as refusal:
        learner(dead_zone=0.5).lessons(dataset, slice(0, 1_000))
    assert (refusal.value.code, refusal.value.evidence) == ("too_few_rows", {"rows": 0, "needed": 100})


def test_a_newest_fifth_that_only_rose_is_refused():
    y = np.where(np.arange(1_000) < 800, np.arange(1_000) % 2, 1)
    with pytest.raises(Refused, match="rows 0 to 999 those to calibrate on: all 200 went up") as refusal:
        learner(calibration="sigmoid").lessons(numbered(y=y), slice(0, 1_000))
    assert refusal.value.code == "one_class"


def test_without_options_every_row_counts_the_same():
    spy = Spy()
    learner(spy).fit(numbered(), slice(0, 500))
    assert spy.weights == [None]


def test_weights_are_those_of_the_rows_that_are_fitted_alone():
    spy, dataset = Spy(), numbered(log_return=small_moves(1_000, every=3))
    learner(spy, dead_zone=0.5, half_life=4.0, balance=True).fit(dataset, slice(100, 500))
    [weight] = spy.weights
    y = dataset.y[spy.fitted[0]]
    assert weight.shape == y.shape
    assert weight.mean() == pytest.approx(1)
    assert weight[y == 1].sum() == pytest.approx(weight[y == 0].sum())
    same = y[:-1] == y[1:]  # neighbours of one class, an hour or two apart
    gaps = np.diff(spy.fitted[0])[same] * HOUR / 86_400
    np.testing.assert_allclose((weight[:-1] / weight[1:])[same], 0.5 ** (gaps / 4))


def test_weights_reach_the_sigmoid_too():
    """With most of the weight on rows that went up, what is calibrated says so."""
    dataset = planted(1_000, y=(np.arange(1_000) < 900).astype(np.int8) * (np.arange(1_000) % 2).astype(np.int8))
    rising = planted(1_000, y=np.where(np.arange(1_000) < 850, np.arange(1_000) % 2, 1).astype(np.int8))
    for data, low, high in ((dataset, 0.0, 0.1), (rising, 0.9, 1.0)):
        model = learner(calibration="sigmoid", half_life=1.5).fit(data, slice(0, 1_000))
        [answer] = learner().probability_up(model, data.X[:1])
        assert low <= answer <= high


class Careless(Spy):
    """Writes into the rows that it is asked about: its ONNX file would be held against what is left of them."""

    def probability_up(self, model, X):
        X -= X.mean(axis=0)
        return super().probability_up(model, X)


def test_an_estimator_that_writes_into_the_rows_it_is_shown_is_stopped():
    dataset = numbered()
    with pytest.raises(ValueError, match="read-only"):
        walk_forward(dataset, learner(Careless()), cut(len(dataset), folds=2, horizon=1))
    assert dataset.X[:, 0].tolist() == list(range(len(dataset)))


@pytest.mark.parametrize(("half_life", "taught"), [(0.5, False), (20.0, True)])
def test_rows_of_which_all_but_a_few_have_faded_are_too_few(half_life, taught):
    """Hours: with half a day a thousand of them are worth 35."""
    fit = learner(half_life=half_life).lessons
    if taught:
        assert len(fit(numbered(), slice(0, 1_000)).fitted) == 1_000
        return
    with pytest.raises(Refused, match=r"worth 3\d\.\d") as refused:
        fit(numbered(), slice(0, 1_000))
    assert (refused.value.code, refused.value.field) == ("too_few_rows", "half_life")
