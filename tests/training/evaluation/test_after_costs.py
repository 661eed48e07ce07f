"""Costs and turnover of following the calls."""

import numpy as np
import pytest

from training.evaluation.trading import after_costs

UP, DOWN = True, False


def test_holding_throughout_pays_for_one_purchase():
    traded = after_costs(np.array([UP] * 4), np.full(4, 0.01), horizon=1)
    assert traded["gross_bp"] == traded["hold_bp"] == pytest.approx(100)
    assert traded["net_bp"] == pytest.approx(100 - 10 / 4)


def test_every_change_of_the_call_is_paid_for():
    traded = after_costs(np.array([UP, DOWN, UP, DOWN]), np.array([0.01, -0.01, 0.01, -0.01]), horizon=1, cost=20)
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
        "turnover",
        "gross_bp",
        "net_bp",
        "hold_bp",
    }
