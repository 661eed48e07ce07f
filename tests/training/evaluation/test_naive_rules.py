"""The rules that a model has to beat know the past, and only the past."""

import numpy as np
import pytest

from training.evaluation.baselines import RULES, last_returns
from training.evaluation.walk import Fold, Walk

NAN = float("nan")
FOLDS = (Fold(0, 100, 102, 200), Fold(0, 198, 200, 300))
WALK = Walk(folds=FOLDS, probability=np.zeros(198))
HOUR = 3_600


def market(rows=300):
    rng = np.random.default_rng(0)
    closes = np.exp(np.cumsum(rng.normal(size=rows)))
    y = np.append(np.diff(closes) > 0, False).astype(np.int8)
    return closes, y, HOUR * np.arange(rows)


def calls(rule, closes, y, as_of):
    """(198,) of the rows that FOLDS answer."""
    known = last_returns(closes, as_of, interval=HOUR)
    return RULES[rule](WALK.base_rates(y), known[WALK.answered])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("now", [110, 199, 200, 250])
def test_a_rule_knows_only_the_past(rule, now):
    closes, y, as_of = market()
    altered_closes, altered_y = closes.copy(), y.copy()
    altered_closes[now + 1 :] = altered_closes[now + 1 :][::-1] * 2
    altered_y[now:] = 1 - altered_y[now:]  # the label of `now` itself is settled later
    before = slice(0, now + 1 - FOLDS[0].test_start)
    np.testing.assert_array_equal(
        calls(rule, closes, y, as_of)[before], calls(rule, altered_closes, altered_y, as_of)[before]
    )


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("majority", [0, 0, 0, 1]),
        ("always_up", [1, 1, 1, 1]),
        ("momentum", [1, 0, 0, 1]),  # unchanged was no up; unknown falls back on the majority
        ("reversal", [0, 1, 1, 1]),
    ],
)
def test_each_rule_calls_what_its_name_says(rule, expected):
    base_rate, last_return = np.array([0.4, 0.4, 0.4, 0.6]), np.array([0.1, -0.1, 0.0, NAN])
    assert RULES[rule](base_rate, last_return).tolist() == [bool(call) for call in expected]


def test_last_return_is_unknown_after_a_hole_and_at_the_start():
    as_of = HOUR * np.array([0, 1, 3, 4])
    known = last_returns(np.array([1.0, 2.0, 4.0, 8.0]), as_of, interval=HOUR)
    np.testing.assert_allclose(known, [NAN, np.log(2), NAN, np.log(2)])


def test_base_rate_is_that_of_each_rows_own_training_rows():
    y = np.zeros(300, dtype=np.int8)
    y[100:] = 1
    rates = WALK.base_rates(y)
    assert set(rates[:98]) == {0.0}
    assert set(rates[98:]) == {98 / 198}
