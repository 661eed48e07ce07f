"""The receiver operating characteristic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from training.evaluation.metrics import roc_auc
from training.evaluation.roc import POINTS, roc_curve

FORECASTS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 100)), min_size=1, max_size=300)


def with_both_classes(forecasts):
    y, percent = np.array([*forecasts, (0, 30), (1, 70)]).T
    return y, percent / 100


@given(FORECASTS)
def test_with_room_for_every_threshold_it_is_scikit_learns(forecasts):
    y, p = with_both_classes(forecasts)
    false, true = roc_curve(y, p, points=100_000)
    theirs_false, theirs_true, _ = oracle.roc_curve(y, p, drop_intermediate=False)
    np.testing.assert_allclose(false, theirs_false)
    np.testing.assert_allclose(true, theirs_true)
    assert np.trapezoid(true, false) == pytest.approx(roc_auc(y, p))


@given(FORECASTS)
def test_it_climbs_from_the_one_corner_to_the_other_in_a_few_points(forecasts):
    false, true = roc_curve(*with_both_classes(forecasts))
    assert len(false) == len(true) <= POINTS
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    assert (np.diff(false) >= 0).all()
    assert (np.diff(true) >= 0).all()


def test_the_few_points_enclose_the_area_of_all():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 30_000)
    p = 0.5 + 0.1 * y + 0.3 * rng.normal(size=30_000)
    assert np.trapezoid(*reversed(roc_curve(y, p))) == pytest.approx(roc_auc(y, p), abs=1e-3)


@pytest.mark.parametrize("y", [[], [0, 0], [1, 1]])
def test_without_both_classes_there_is_no_curve(y):
    false, true = roc_curve(y, [0.5] * len(y))
    assert len(false) == len(true) == 0
