"""Costs and turnover of following the calls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.trading import Costs, after_costs, net_returns, one_candle_later

UP, DOWN = True, False


def test_holding_throughout_pays_for_one_purchase():
    traded = after_costs(np.array([UP] * 4), np.full(4, 0.01), horizon=1)
    assert traded["gross_bp"] == traded["hold_bp"] == pytest.approx(100)
    assert traded["net_bp"] == pytest.approx(100 - (10 + 2) / 4)


def test_slippage_is_paid_beside_the_fee():
    paid = [
        after_costs(np.array([UP, DOWN]), np.zeros(2), horizon=1, costs=Costs(cost_bp=fee, slippage_bp=slippage))
        for fee, slippage in ((10, 0), (10, 5))
    ]
    assert [traded["net_bp"] for traded in paid] == pytest.approx([-10, -15])
    assert (paid[1]["cost_bp"], paid[1]["slippage_bp"]) == (10, 5)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(-0.3, 0.3)), min_size=1), st.integers(1, 5))
def test_the_mean_of_the_net_returns_is_what_is_reported(rows, horizon):
    calls, log_return = (np.array(column) for column in zip(*rows, strict=True))
    net = net_returns(calls, log_return, horizon=horizon)
    assert net.mean() * 1e4 == pytest.approx(after_costs(calls, log_return, horizon=horizon)["net_bp"], abs=1e-6)


def test_a_call_that_is_carried_out_later_earns_the_return_after_its_own():
    knowing = np.array([UP, DOWN, UP, DOWN])
    returns = np.where(knowing, 0.01, -0.01)
    free = Costs(cost_bp=0, slippage_bp=0)
    assert after_costs(knowing, returns, horizon=1, costs=free)["net_bp"] == pytest.approx(50)
    assert after_costs(one_candle_later(knowing), returns, horizon=1, costs=free)["net_bp"] == pytest.approx(-50)
    assert one_candle_later(knowing).tolist() == [DOWN, UP, DOWN, UP]


def test_no_call_is_carried_out_later_than_never():
    assert one_candle_later(np.array([], dtype=np.bool_)).tolist() == []


def test_every_change_of_the_call_is_paid_for():
    traded = after_costs(
        np.array([UP, DOWN, UP, DOWN]), np.array([0.01, -0.01, 0.01, -0.01]), horizon=1, costs=Costs(20, 0)
    )
    assert traded["turnover"] == 1
    assert traded["gross_bp"] == pytest.approx(50)
    assert traded["net_bp"] == pytest.approx(30)


def test_parts_of_a_longer_horizon_follow_every_hth_call():
    traded = after_costs(np.array([UP, DOWN, UP, DOWN]), np.zeros(4), horizon=2)
    assert traded["turnover"] == pytest.approx(1 / 4 / 2)  # one part buys once, the other never


def test_cash_throughout_brings_and_costs_nothing():
    traded = after_costs(np.array([DOWN] * 3), np.full(3, 0.01), horizon=1)
    assert (traded["turnover"], traded["gross_bp"], traded["net_bp"]) == (0, 0, 0)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_fewer_rows_than_the_horizon_are_no_fault(rows):
    assert set(after_costs(np.ones(rows, bool), np.zeros(rows), horizon=5)) == {
        "cost_bp",
        "slippage_bp",
        "turnover",
        "gross_bp",
        "net_bp",
        "hold_bp",
    }
