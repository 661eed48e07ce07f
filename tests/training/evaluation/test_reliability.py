"""The reliability table and the calibration error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from training.evaluation.calibration import expected_calibration_error, reliability

FORECASTS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 100)), min_size=1, max_size=200)


@given(FORECASTS)
def test_table_is_the_calibration_curve_of_scikit_learn(forecasts):
    y, percent = np.array(forecasts).T
    table = reliability(y, percent / 100)
    frequency, probability = calibration_curve(y, percent / 100, n_bins=10, strategy="quantile", pos_label=1)
    np.testing.assert_allclose([entry.frequency for entry in table], frequency)
    np.testing.assert_allclose([entry.probability for entry in table], probability)


@given(FORECASTS)
def test_every_row_is_in_one_bin(forecasts):
    y, percent = np.array(forecasts).T
    assert sum(entry.rows for entry in reliability(y, percent / 100)) == len(y)


def test_bins_have_equal_mass():
    p = np.random.default_rng(0).beta(2, 9, size=1_000)
    assert {entry.rows for entry in reliability(p > 0.2, p)} == {100}


def test_a_forecaster_who_is_always_ten_points_too_sure_has_an_error_of_a_tenth():
    rng = np.random.default_rng(1)
    truth = rng.uniform(0.2, 0.8, size=50_000)
    assert expected_calibration_error(rng.random(50_000) < truth, truth + 0.1) == pytest.approx(0.1, abs=0.01)


def test_a_constant_forecast_of_the_base_rate_has_no_error():
    assert expected_calibration_error([0, 1, 1, 0], [0.5] * 4) == 0


def test_no_rows_give_an_empty_table_and_no_error():
    assert reliability([], []) == []
    assert np.isnan(expected_calibration_error([], []))
