"""The sum of errors: seldom a false alarm, and soon a true one."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.drift.cusum import CalibrationCusum, Cusum


@pytest.mark.parametrize(("alarm", "outcomes"), [(2.5, 861), (3.0, 1_652), (3.5, 2_674), (4.0, 4_560)])
def test_false_alarms_are_as_far_apart_as_was_measured_elsewhere(alarm, outcomes):
    assert Cusum(0.47, alarm=alarm).run_length() == pytest.approx(outcomes, rel=0.15)


def test_a_fall_from_53_to_45_right_of_100_is_found_within_250_outcomes():
    cusum, rng = Cusum(0.47), np.random.default_rng(7)
    delays = []
    for _ in range(200):
        sums = np.array(cusum.sums(rng.random(3_000) < 0.55))
        delays.append(int(np.argmax(sums > cusum.alarm)) + 1 if (sums > cusum.alarm).any() else math.inf)
    assert max(delays) < math.inf
    assert np.median(delays) <= 250
    assert np.mean(delays) == pytest.approx(cusum.run_length(0.55), rel=0.1)


@given(st.lists(st.booleans(), max_size=200), st.integers(0, 200))
def test_a_sum_goes_on_from_where_it_stood(errors, place):
    whole = Cusum(0.4).sums(errors)
    first = Cusum(0.4).sums(errors[:place])
    rest = Cusum(0.4).sums(errors[place:], since=first[-1] if first else 0.0)
    assert [*first, *rest] == whole
    assert min(whole, default=0) >= 0


@pytest.mark.parametrize("error_rate", [0.0, 0.95, 1.0, float("nan")])
def test_an_error_rate_that_leaves_no_room_to_be_worse_is_refused(error_rate):
    with pytest.raises(ValueError, match="error rate"):
        Cusum(error_rate)


def until_alarm(rng, *, said, rises, most=60_000):
    """Outcomes until either sum of one path is over the alarm, in steps of ten."""
    watched, rose = CalibrationCusum(), rng.random(most) < rises
    return next(
        n
        for n in range(10, most, 10)
        if max(watched.sums(np.full(n, said), rose[:n], most=watched.alarm + 1)) > watched.alarm
    )


def test_calibration_is_seldom_blamed_by_luck_and_soon_when_it_is_off():
    rng = np.random.default_rng(7)
    assert np.mean([until_alarm(rng, said=0.5, rises=0.58) for _ in range(40)]) < 320  # 265 in 1,500 paths
    passed = [max(CalibrationCusum().sums(np.full(288, 0.5), rng.random(288) < 0.5)) > 4.2 for _ in range(2_000)]
    assert np.mean(passed) < 0.1  # a tenth of the 2,880 outcomes that lie between false alarms


@pytest.mark.parametrize(("rose", "side"), [(True, 0), (False, 1)])
def test_each_side_has_its_sum_and_one_sure_error_is_not_an_alarm(rose, side):
    said = np.array([0.0 if rose else 1.0])  # the surest error there is
    sums = CalibrationCusum().sums(said, np.array([rose]))
    assert 0 < sums[side] < 0.5
    assert sums[1 - side] == 0.0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60))
def test_what_is_said_of_ups_is_said_of_downs_turned_round(outcomes):
    said, rose = np.array([p for p, _ in outcomes]), np.array([up for _, up in outcomes], dtype=np.bool_)
    sums = CalibrationCusum().sums(said, rose)
    assert sums == pytest.approx(CalibrationCusum().sums(1 - said, ~rose)[::-1], abs=1e-9)
