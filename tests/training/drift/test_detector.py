"""The detector is calibrated by what it was learnt from, and says so where that is too short."""

import math

import numpy as np
import pytest

from training.drift.detector import DriftDetector, gumbel_quantile
from training.drift.distances import Ordered

WINDOW = 30


def rows(n, k=3, seed=7):
    return np.random.default_rng(seed).normal(size=(n, k)).astype(np.float32)


@pytest.fixture(scope="module")
def calibrated():
    X = rows(60 * WINDOW)
    return DriftDetector.calibrate(X, window=WINDOW), Ordered.of(X)


def test_rows_of_the_same_kind_are_seldom_over_the_threshold(calibrated):
    detector, reference = calibrated
    over = [detector.read(reference, rows(WINDOW, seed=100 + seed)).over for seed in range(400)]
    assert sum(over) <= 8  # five in a thousand, and luck


def test_a_feature_that_moved_is_named(calibrated):
    detector, reference = calibrated
    moved = rows(WINDOW, seed=8)
    moved[:, 1] += 2
    reading = detector.read(reference, moved)
    assert reading.over
    assert reading.contributors() == [1]


def test_without_enough_rows_there_are_distances_and_no_verdict():
    X = rows(49 * WINDOW)
    detector = DriftDetector.calibrate(X, window=WINDOW)
    reading = detector.read(Ordered.of(X), X[:WINDOW] + 100)
    assert not detector.calibrated
    assert not reading.over
    assert reading.distances.ks.min() == 1


@pytest.mark.parametrize("n", [0, 1, 2 * WINDOW - 1])
def test_rows_for_no_two_windows_calibrate_nothing(n):
    detector = DriftDetector.calibrate(rows(n), window=WINDOW)
    assert not detector.calibrated
    assert math.isnan(detector.threshold)


def test_features_that_never_moved_do_not_blind_it_for_the_others():
    X = rows(60 * WINDOW)
    X[:, 0] = 5
    detector = DriftDetector.calibrate(X, window=WINDOW)
    moved = X[:WINDOW].copy()
    assert detector.read(Ordered.of(X), moved).z[0] <= 0
    moved[:, 0] = 6
    assert detector.read(Ordered.of(X), moved).contributors()[0] == 0


def test_its_arrays_give_it_back(calibrated):
    detector, reference = calibrated
    again = DriftDetector.from_arrays(detector.arrays())
    found, known = (each.read(reference, rows(WINDOW, seed=9)) for each in (again, detector))
    assert (found.m, found.threshold) == (known.m, known.threshold)


def test_the_quantile_is_that_of_gumbels_distribution():
    drawn = np.random.default_rng(7).gumbel(3, 2, size=200_000)
    assert gumbel_quantile(drawn, 0.995) == pytest.approx(3 - 2 * math.log(-math.log(0.995)), rel=0.02)
