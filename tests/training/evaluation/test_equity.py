"""Curves of what following the calls brought."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.trading import POINTS, drawdowns, equity

DAY = 86_400
RETURNS = st.lists(st.floats(-0.3, 0.3), max_size=500)


def drawn(**curves):
    rows = len(next(iter(curves.values())))
    return equity({name: np.array(net) for name, net in curves.items()}, DAY * np.arange(rows, dtype=np.int64))


def deepest_by_hand(net):
    """As one would with a pencil: the highest so far, and how far below it the last is."""
    highest, level, deepest = 1.0, 1.0, 0.0
    for step in net:
        level *= np.exp(step)
        highest = max(highest, level)
        deepest = max(deepest, 1 - level / highest)
    return deepest


@settings(deadline=None)
@given(RETURNS)
def test_a_curve_ends_at_the_sum_of_its_returns(net):
    found = drawn(model=net)
    assert len(found["as_of"]) == len(found["model"]) == len(found["drawdown"]["model"]) == min(len(net), POINTS)
    if net:
        assert found["model"][-1] == pytest.approx(sum(net), abs=1e-6)


def test_each_point_is_the_sum_so_far():
    found = drawn(model=[0.01, -0.02, 0.03], hold=[0.02, -0.01, 0.03])
    assert found["model"] == pytest.approx([0.01, -0.01, 0.02])
    assert found["hold"] == pytest.approx([0.02, 0.01, 0.04])
    assert found["as_of"] == ["1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z", "1970-01-03T00:00:00Z"]


def test_a_long_curve_keeps_its_first_and_last_point():
    found = drawn(hold=np.full(5_000, 0.001))
    assert len(found["as_of"]) == POINTS
    assert (found["as_of"][0], found["as_of"][-1]) == ("1970-01-01T00:00:00Z", "1983-09-09T00:00:00Z")
    assert found["hold"][-1] == pytest.approx(5.0)


@settings(deadline=None)
@given(RETURNS)
def test_the_maximum_drawdown_is_the_one_that_a_pencil_finds(net):
    assert drawdowns(np.array(net)).max(initial=0.0) == pytest.approx(deepest_by_hand(net), abs=1e-9)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(POINTS + 1, 3_000))
def test_no_drawdown_hides_between_two_points(seed, rows):
    net = np.random.default_rng(seed).normal(0, 0.1, rows)
    assert max(drawn(model=net)["drawdown"]["model"]) == pytest.approx(drawdowns(net).max(), abs=2e-6)


def test_a_drawdown_between_two_points_is_shown_at_the_later_one():
    net = np.zeros(3 * POINTS)
    net[300], net[301] = -0.5, 0.5
    found = drawn(model=net)
    (shown,) = np.flatnonzero(found["drawdown"]["model"])
    assert found["as_of"][shown] >= "1970-10-28" > found["as_of"][shown - 1]
