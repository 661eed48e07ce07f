"""Faults are told at once, and what a market does is none."""

import numpy as np
import pytest

from training.drift.integrity import FROZEN, faults, outside_the_range
from training.features.feature_set import feature_set

TECHNICAL = {feature.name: feature for feature in feature_set("technical").features}
RSI, RETURN = TECHNICAL["rsi_14"], TECHNICAL["log_return_1"]
PRICE = {feature.name: feature for feature in feature_set("classic").features}["price"]
ROWS = 168


def told(feature, values, *, reference=None, still=3, enough=True):
    """values: of the newest rows."""
    known = drawn(feature, 9_000, seed=1) if reference is None else reference
    columns = (np.asarray(values, np.float32)[:, np.newaxis], np.asarray(known, np.float32)[:, np.newaxis])
    return faults(*columns, [feature], stood_still=np.array([still]), enough=enough)


def drawn(feature, rows, seed=7):
    noise = np.random.default_rng(seed).normal(size=rows)
    return np.clip(50 + 12 * noise, 1, 99) if feature is RSI else 0.01 * noise


@pytest.mark.parametrize("feature", [RSI, RETURN])
def test_rows_like_those_it_learnt_from_have_no_fault(feature):
    assert told(feature, drawn(feature, ROWS)) == []


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_told_with_how_often(broken):
    values = drawn(RETURN, ROWS)
    values[[3, 90]] = broken
    assert told(RETURN, values) == ["log_return_1 is no number in 2 of the newest 168 rows"]


def test_rows_that_are_no_numbers_at_all_are_one_fault():
    (said,) = told(RETURN, np.full(ROWS, np.nan))
    assert "168 of the newest 168" in said


def test_a_value_that_stands_still_longer_than_it_ever_did_is_a_fault():
    values = drawn(RETURN, ROWS)
    values[-FROZEN:] = 0.0
    (said,) = told(RETURN, values)
    assert f"stood still at 0 for {FROZEN} rows" in said
    assert told(RETURN, values, still=FROZEN) == []  # it did so before
    values[-1] = 0.1
    assert told(RETURN, values) == []  # it moves again


def test_a_value_that_never_moved_may_stand_still():
    assert told(RETURN, np.zeros(ROWS), reference=np.zeros(9_000), still=9_000) == []


@pytest.mark.parametrize(
    ("factor", "said"), [(0.01, "another unit"), (100.0, "outside 0 to 100, where it can only be"), (-1.0, "outside")]
)
def test_another_unit_of_what_has_a_domain_is_a_fault(factor, said):
    assert any(said in each for each in told(RSI, factor * drawn(RSI, ROWS)))


def test_half_of_the_rows_far_outside_the_range_are_a_fault_and_a_few_are_not():
    values = drawn(RETURN, ROWS)
    values[: ROWS // 2] = 10.0
    (said,) = told(RETURN, values)
    assert "lies far outside" in said
    values[: ROWS // 2 : 5] = 0.0
    assert told(RETURN, values) == []


def test_a_short_reference_knows_another_unit_from_a_wild_market():
    week = drawn(RETURN, 200, seed=2)
    wild, in_percent = 5 * drawn(RETURN, ROWS), 100 * drawn(RETURN, ROWS)
    assert told(RETURN, wild, reference=week, enough=False) == []
    assert told(RETURN, in_percent, reference=week, enough=False) != []


def test_a_level_may_leave_its_range():
    assert told(PRICE, np.linspace(9e5, 1e6, ROWS), reference=np.linspace(1e4, 2e4, 9_000)) == []


def test_rows_outside_the_range_of_any_feature_are_counted_once():
    reference = np.array([[0.0, 0.0], [1.0, 1.0]], np.float32)
    rows = np.array([[0.5, 0.5], [2.0, 0.5], [2.0, -1.0], [1.0, 0.0]], np.float32)
    assert outside_the_range(rows, reference) == 0.5
