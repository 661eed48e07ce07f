"""Whether the forecasts that a model is sure of are right more often."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.bootstrap import Draws
from training.evaluation.confidence import THRESHOLDS, confidence_of, coverage, hit_rates

FORECASTS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 100)), max_size=300)


def calibrated(rows=20_000, *, seed=0):
    """Right as often as it is sure."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.3, 0.7, rows)
    return (rng.random(rows) < p).astype(np.int8), p


def draws(rows):
    return Draws(rows, horizon=1, seed=7, resamples=100)


def bucketed(truth, p):
    return hit_rates(truth, p, draws(len(truth)))


def covered(truth, p):
    return coverage(truth, p, draws(len(truth)))


def test_a_calibrated_forecaster_is_right_as_often_as_it_is_sure():
    for bucket in bucketed(*calibrated()):
        assert bucket["hit_rate"]["low"] - 0.01 <= bucket["confidence"] <= bucket["hit_rate"]["high"] + 0.01


def test_buckets_are_tenths_and_their_hits_are_those_of_all():
    truth, p = calibrated()
    buckets = bucketed(truth, p)
    assert [bucket["n"] for bucket in buckets] == [2_000] * 10
    hits = sum(bucket["n"] * bucket["hit_rate"]["value"] for bucket in buckets)
    assert hits == pytest.approx(((p >= 0.5) == truth).sum())
    assert buckets[0]["from"] == pytest.approx(0.5, abs=1e-3)
    assert buckets[-1]["to"] == pytest.approx(0.7, abs=1e-3)


@settings(deadline=None, max_examples=50)
@given(FORECASTS)
def test_every_forecast_is_in_one_bucket_and_none_is_empty(forecasts):
    truth, percent = np.array(forecasts, dtype=np.int8).reshape(-1, 2).T
    buckets = bucketed(truth, percent / 100)
    assert sum(bucket["n"] for bucket in buckets) == len(forecasts)
    assert all(bucket["n"] and bucket["from"] <= bucket["to"] for bucket in buckets)


@settings(deadline=None, max_examples=50)
@given(FORECASTS)
def test_the_surer_a_forecast_must_be_the_fewer_are_left(forecasts):
    truth, percent = np.array(forecasts, dtype=np.int8).reshape(-1, 2).T
    left = [entry["n"] for entry in covered(truth, percent / 100)]
    assert len(left) == len(THRESHOLDS)
    assert left == sorted(left, reverse=True)
    assert left[0] == len(forecasts)


def test_a_threshold_counts_what_is_as_sure_or_surer_up_and_down_alike():
    p = np.array([0.35, 0.4, 0.41, 0.5, 0.6, 0.61])
    entry = next(entry for entry in covered(np.ones(6, np.int8), p) if entry["threshold"] == 0.6)
    assert entry["n"] == 4
    assert entry["share"]["value"] == pytest.approx(4 / 6)
    assert entry["hit_rate"]["value"] == pytest.approx(2 / 4)


def test_a_hit_rate_of_few_forecasts_has_no_interval():
    truth, p = calibrated(2_000)
    p[:] = 0.51
    p[: 29 * 60 : 60] = 0.9  # far apart: their number alone is the reason
    entry = covered(truth, p)[-1]
    assert entry["n"] == 29
    assert isnan(entry["hit_rate"]["low"])
    assert entry["share"]["low"] is not None


def test_a_hit_rate_of_one_stretch_of_time_has_no_interval_however_many_its_forecasts():
    truth, p = calibrated(2_000)
    p[:80], p[80:] = 0.9, 0.51
    entry = covered(truth, p)[-1]
    assert entry["n"] == 80
    assert isnan(entry["hit_rate"]["low"])


def test_no_forecast_has_a_confidence_below_one_half():
    assert confidence_of(np.array([0.0, 0.2, 0.5, 0.8, 1.0])).tolist() == [1.0, 0.8, 0.5, 0.8, 1.0]
