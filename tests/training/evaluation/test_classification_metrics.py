"""The figures are scikit-learn's, and have no value where they have no meaning."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from training.evaluation.metrics import accuracy, balanced_accuracy, brier, called_up, log_loss, roc_auc

PROBABILITIES = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 0.5, 1.0]))  # with many ties


@st.composite
def forecasts(draw):
    """(y_true, probability) with both classes present."""
    rows = draw(st.lists(st.tuples(st.integers(0, 1), PROBABILITIES), max_size=60))
    y, p = zip(*rows, (0, draw(PROBABILITIES)), (1, draw(PROBABILITIES)), strict=True)
    return np.array(y), np.array(p)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (accuracy, oracle.accuracy_score),
        (balanced_accuracy, oracle.balanced_accuracy_score),
    ],
)
@given(forecasts())
def test_figures_of_calls_equal_scikit_learns(ours, theirs, forecast):
    y, p = forecast
    assert ours(y, called_up(p)) == pytest.approx(theirs(y, called_up(p)), abs=1e-12)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(brier, oracle.brier_score_loss), (log_loss, oracle.log_loss), (roc_auc, oracle.roc_auc_score)],
)
@given(forecasts())
def test_figures_of_probabilities_equal_scikit_learns(ours, theirs, forecast):
    y, p = forecast
    assert ours(y, p) == pytest.approx(theirs(y, p), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("figure", [accuracy, balanced_accuracy, brier, log_loss, roc_auc])
def test_no_rows_give_no_figure(figure):
    assert isnan(figure(np.array([], dtype=np.int8), np.array([])))


@pytest.mark.parametrize("figure", [balanced_accuracy, roc_auc])
@pytest.mark.parametrize("only", [0, 1])
def test_one_class_gives_no_figure_that_needs_two(figure, only):
    assert isnan(figure(np.full(5, only), np.full(5, 1)))


def test_one_certain_mistake_costs_much_but_not_infinitely():
    assert 30 < log_loss([1], [0.0]) < 40
