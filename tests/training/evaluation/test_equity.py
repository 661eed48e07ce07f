"""Curves of what following the calls brought."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.trading import POINTS, after_costs, equity

DAY = 86_400
ROWS = st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(-0.3, 0.3)), max_size=500)


def curves(model, naive, log_return, *, horizon=1, cost=10.0):
    as_of = DAY * np.arange(len(log_return), dtype=np.int64)
    return equity(
        np.array(model, dtype=np.bool_), np.array(naive, dtype=np.bool_), log_return, as_of, horizon=horizon, cost=cost
    )


@given(ROWS, st.integers(1, 30))
def test_the_curves_end_where_the_trading_figures_say(rows, horizon):
    model, naive, log_return = np.array(rows, dtype=object).reshape(-1, 3).T
    model, naive, log_return = model.astype(bool), naive.astype(bool), log_return.astype(float)
    found = curves(model, naive, log_return, horizon=horizon)
    n = len(rows)
    assert len(found["as_of"]) == len(found["model"]) == len(found["naive"]) == len(found["hold"]) == min(n, POINTS)
    if n:
        traded = after_costs(model, log_return, horizon=horizon)
        ruled = after_costs(naive, log_return, horizon=horizon)
        ends = [found[name][-1] for name in ("model", "naive", "hold")]
        means = [traded["net_bp"], ruled["net_bp"], traded["hold_bp"]]
        assert ends == pytest.approx([mean * n / 1e4 for mean in means], abs=1e-6)


def test_each_point_is_the_sum_so_far():
    found = curves([True, True, False], [False, False, True], np.array([0.02, -0.01, 0.03]), cost=100)
    assert found["model"] == pytest.approx([0.01, 0.0, -0.01])  # one purchase, one sale
    assert found["naive"] == pytest.approx([0.0, 0.0, 0.02])
    assert found["hold"] == pytest.approx([0.02, 0.01, 0.04])
    assert found["as_of"] == ["1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z", "1970-01-03T00:00:00Z"]


def test_a_long_curve_keeps_its_first_and_last_point():
    found = curves([True] * 5_000, [True] * 5_000, np.full(5_000, 0.001))
    assert len(found["as_of"]) == POINTS
    assert (found["as_of"][0], found["as_of"][-1]) == ("1970-01-01T00:00:00Z", "1983-09-09T00:00:00Z")
    assert found["hold"][-1] == pytest.approx(5.0)
