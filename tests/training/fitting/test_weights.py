"""How much a row counts: by its age, and by how many went its way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.fitting.weights import row_weights

DAY = 86_400


def of_days(*days):
    return DAY * np.array(days, dtype=np.int64)


def test_without_either_all_rows_count_the_same():
    assert row_weights(np.array([0, 1]), of_days(0, 1), balance=False, half_life=0.0) is None


def test_a_row_counts_half_as_much_as_one_a_half_life_newer():
    weights = row_weights(np.array([0, 1, 0]), of_days(0, 30, 45), balance=False, half_life=15.0)
    np.testing.assert_allclose(weights / weights[-1], [1 / 8, 1 / 2, 1])


def test_ups_and_downs_add_up_to_the_same_though_their_ages_differ():
    y = np.array([1, 1, 1, 0])
    for half_life in (0.0, 2.0):
        weights = row_weights(y, of_days(0, 1, 2, 3), balance=True, half_life=half_life)
        assert weights[y == 1].sum() == pytest.approx(weights[y == 0].sum())
    assert weights[2] == pytest.approx(2 * weights[0])


@given(
    st.lists(st.integers(0, 100_000), min_size=2, max_size=50, unique=True),
    st.floats(0.1, 36_500),
    st.booleans(),
    st.randoms(),
)
def test_weights_are_positive_and_have_a_mean_of_one(days, half_life, balance, random):
    y = np.array([0, 1, *(random.randint(0, 1) for _ in days[2:])])
    weights = row_weights(y, of_days(*sorted(days)), balance=balance, half_life=half_life)
    assert (weights > 0).all()
    assert weights.mean() == pytest.approx(1)
