"""Every row is answered by a model that knows only what was settled before."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoml_site.errors import Invalid, Refused
from tests.training.planted import planted
from tests.training.spies import SCALE, Spy, numbered
from training.fitting.learner import Learner
from training.fitting.walk_forward import cut, walk_forward
from training.recipe import Options


def walked(*, rows=1_000, horizon=1, folds=4, y=None, progress=None, **options):
    """The spy that was walked over rows 0, 1, 2 ..., and the walk."""
    spy, dataset = Spy(), numbered(rows, horizon=horizon, **({} if y is None else {"y": y}))
    asked = Options(**options)
    cuts = cut(rows, folds=folds, horizon=horizon, embargo=asked.embargo, window=asked.window)
    told = {"progress": progress} if progress else {}
    return spy, walk_forward(dataset, Learner(spy, {}, asked, seed=7), cuts, **told)


@pytest.mark.parametrize("horizon", [1, 3, 24])
@pytest.mark.parametrize("embargo", [0, 10])
def test_no_training_label_reaches_a_test_row(horizon, embargo):
    spy, _ = walked(horizon=horizon, embargo=embargo)
    for fitted, answered in zip(spy.fitted, spy.answered, strict=True):
        assert fitted.max() + horizon + embargo < answered.min()


@pytest.mark.parametrize("horizon", [1, 24])
def test_holes_only_widen_the_purge(horizon):
    kept = np.random.default_rng(0).random(2_000) < 0.7
    data = planted(kept.sum(), horizon=horizon)
    as_of = data.as_of[0] + data.interval * np.flatnonzero(kept)
    for fold in cut(len(as_of), folds=4, horizon=horizon):
        settled = as_of[fold.train] + horizon * data.interval
        assert settled.max() < as_of[fold.test].min()


def test_training_rows_grow_from_the_first_row_on():
    spy, walk = walked()
    for fitted, fold in zip(spy.fitted, walk.folds, strict=True):
        np.testing.assert_array_equal(fitted, np.arange(fold.train_stop))
    assert sorted({len(fitted) for fitted in spy.fitted}) == [len(fitted) for fitted in spy.fitted]


def test_a_window_slides_with_the_folds():
    spy, walk = walked(window=150)
    for fitted, fold in zip(spy.fitted, walk.folds, strict=True):
        np.testing.assert_array_equal(fitted, np.arange(fold.train_stop - 150, fold.train_stop))


@given(
    rows=st.integers(1_000, 3_000),
    folds=st.integers(2, 6),
    horizon=st.integers(1, 24),
    embargo=st.integers(0, 18),
    window=st.sampled_from([0, 100, 101, 250, 5_000]),
)
def test_folds_lie_where_they_must_for_whatever_is_asked(rows, folds, horizon, embargo, window):
    cuts = cut(rows, folds=folds, horizon=horizon, embargo=embargo, window=window)
    assert len(cuts) == folds
    assert cuts[-1].test_stop == rows
    assert [fold.test_start for fold in cuts[1:]] == [fold.test_stop for fold in cuts[:-1]]
    for fold in cuts:
        assert fold.test_start - fold.train_stop == horizon + embargo
        assert fold.train_start == (max(fold.train_stop - window, 0) if window else 0)
        assert fold.train_stop - fold.train_start >= 100


def test_every_answer_is_of_the_model_of_its_own_fold():
    _, walk = walked()
    for fold in walk.folds:
        assert set(walk.answers(fold) * SCALE) == {fold.train_stop - 1}


def test_folds_are_answered_once_and_without_a_gap_to_the_last_row():
    spy, walk = walked()
    rows = np.concatenate(spy.answered)
    np.testing.assert_array_equal(rows, np.arange(walk.answered.start, 1_000))
    assert len(walk.probability) == len(rows)


def test_progress_is_told_after_each_fold():
    told = []
    walked(progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(("folds", "horizon", "embargo"), [(8, 1, 0), (2, 24, 0), (2, 1, 23)])
def test_too_few_rows_are_refused_with_the_number_that_would_do(folds, horizon, embargo):
    with pytest.raises(Refused, match="are too few") as refusal:
        walked(rows=200, folds=folds, horizon=horizon, embargo=embargo)
    assert refusal.value.code == "too_few_rows"
    needed = refusal.value.evidence["needed"]
    assert len(cut(needed, folds=folds, horizon=horizon, embargo=embargo)) == folds
    with pytest.raises(Refused):
        cut(needed - 1, folds=folds, horizon=horizon, embargo=embargo)


def test_a_training_fold_of_one_class_is_refused_before_anything_is_fitted():
    y = np.concatenate([np.ones(300), np.arange(700) % 2]).astype(int)
    with pytest.raises(Refused, match="went up") as refusal:
        walked(y=y, progress=pytest.fail)
    assert refusal.value.code == "one_class"
    assert refusal.value.evidence == {"rows": 199, "ups": 199}


def test_a_single_fold_is_refused():
    with pytest.raises(Invalid, match="2 or more"):
        walked(folds=1)
