"""Rows that remember their predecessors are worth fewer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.drift.dependence import autocorrelation_time, effective_size


def remembering(share, n=50_000):
    """AR(1), whose autocorrelation time is (1 + share) / (1 - share)."""
    news, values = np.random.default_rng(7).standard_normal(n), np.empty(n)
    last = 0.0
    for step, new in enumerate(news):
        last = share * last + new
        values[step] = last
    return values


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.97])
def test_the_time_of_a_process_that_is_known(share):
    assert autocorrelation_time(remembering(share)) == pytest.approx((1 + share) / (1 - share), rel=0.15)


@given(arrays(np.float64, st.integers(1, 50), elements=st.floats(-1e6, 1e6)))
def test_it_is_a_number_of_at_least_one_whatever_the_values(values):
    assert 1 <= autocorrelation_time(values) < np.inf


def test_rows_are_worth_at_least_one():
    assert effective_size(168, 1_000.0) == 1
