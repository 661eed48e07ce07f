"""The guard of the drift policy: false alarms are rare, and what is planted is found.

`make drift-study` asks of 2,000 checks what these ask of some hundred.
"""

from functools import reduce
from operator import add
from statistics import median

import pytest

from studies.drift_guard import SHIFTS, Paths, delay, quiet
from studies.drift_policy import run_lengths

SIMULATED = Paths("simulated")


def test_without_a_shift_alarms_are_rare_and_the_usual_rule_cries_all_the_time():
    """Fixed seeds: what changes these figures changed the policy."""
    found = reduce(add, (quiet(SIMULATED, seed, checks=60) for seed in range(5)))
    assert found.checks == 300
    assert found.per_thousand(found.alerts) <= 20
    assert found.per_thousand(found.incidents) <= 7  # two in 300
    assert found.per_thousand(found.naive) > 900


@pytest.mark.parametrize(("place", "within"), [(0, 20), (4, 3), (5, 9)], ids=["volatility x 3", "x 100", "stuck"])
def test_what_is_planted_is_found(place, within):
    found = [delay(SIMULATED, seed, SHIFTS[place]) for seed in range(3)]
    assert None not in found
    assert median(found) <= within


def test_the_sum_of_errors_alarms_as_seldom_as_it_is_said_to():
    lengths = {each.alarm: each for each in run_lengths()}
    assert lengths[3.5].false == pytest.approx(2_674, rel=0.25)
    assert lengths[3.5].true <= 250
