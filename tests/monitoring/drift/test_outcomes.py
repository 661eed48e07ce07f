"""Channel C alarms when answers go wrong more often than they did, and not before there is something to say."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from monitoring.drift.findings import Status
from monitoring.drift.outcomes import FEWEST, judged, outcomes
from monitoring.evidence import Evidence
from tests.factories import make_version, report
from training.drift.cusum import Cusum

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
CUSUM = Cusum(0.47)


def evidence(right, said=0.53):
    """Up was called each time, and came where it was right."""
    rows = [(BEGAN + timedelta(hours=place), 0.01 if hit else -0.01, True, said) for place, hit in enumerate(right)]
    return Evidence.of(rows)


def drawn(n, share, seed=7):
    return np.random.default_rng(seed).random(n) < share


def test_answers_as_right_as_they_were_alarm_nobody():
    found = judged(evidence(drawn(800, 0.53)), CUSUM, horizon=1)
    assert (found.status, found.figures["n"]) == (Status.OK, 800)
    assert found.figures["error_rate"]["low"] < 0.47 < found.figures["error_rate"]["high"]


def test_a_fall_alarms_and_says_how_often_they_were_wrong():
    found = judged(evidence(np.concatenate([drawn(400, 0.53), drawn(400, 0.40)])), CUSUM, horizon=1)
    assert found.status == Status.ALERT
    assert "47.0% were in the walk-forward" in found.says


def test_after_a_recovery_the_alarm_ends():
    fallen = np.concatenate([drawn(400, 0.40), drawn(300, 0.65)])
    assert not judged(evidence(fallen), CUSUM, horizon=1).over


@pytest.mark.parametrize(
    ("n", "status"), [(0, Status.NOT_CALIBRATED), (FEWEST - 1, Status.NOT_CALIBRATED), (FEWEST, Status.ALERT)]
)
def test_fewer_than_a_hundred_alarm_nobody_though_all_were_wrong(n, status):
    assert judged(evidence([False] * n), CUSUM, horizon=1).status == status


def test_probabilities_that_are_too_sure_warn_though_the_answers_are_as_right_as_ever():
    found = judged(evidence(drawn(800, 0.53), said=0.75), CUSUM, horizon=1)
    assert (found.status, found.over) == (Status.WARNING, False)
    assert "more went down than its probabilities say" in found.says
    assert found.figures["brier"]["low"] > found.figures["base_rate_brier"]
    assert found.figures["ece"] == pytest.approx(0.75 - drawn(800, 0.53).mean(), abs=1e-3)


def test_a_calibration_error_of_fewer_than_five_hundred_is_not_told():
    assert judged(evidence(drawn(499, 0.53)), CUSUM, horizon=1).figures["ece"] is None


def test_labels_that_overlap_over_most_of_the_outcomes_leave_the_interval_open():
    figures = judged(evidence(drawn(120, 0.53)), CUSUM, horizon=24).figures
    assert figures["error_rate"]["low"] is None
    assert figures["brier"]["high"] is None
    json.dumps(figures, allow_nan=False)


@pytest.mark.django_db
@pytest.mark.parametrize("metrics", [{}, report() | {"metrics": {"accuracy": {"value": 1.0}}}])
def test_without_an_error_rate_that_can_grow_nothing_is_told(metrics):
    assert outcomes(make_version(metrics=metrics)).status == Status.NOT_CALIBRATED
