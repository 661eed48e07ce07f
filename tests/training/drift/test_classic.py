"""The statistics that people know, as they know them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kstwobign

from training.drift.calibration import Calibration
from training.drift.classic import classic_statistics, kolmogorov, population_stability
from training.drift.distances import Ordered


@given(arrays(np.float64, st.integers(10, 80), elements=st.floats(-1e3, 1e3)))
def test_population_stability_is_nothing_for_the_same_and_never_negative(values):
    assert population_stability(values, values) == 0
    assert population_stability(values, values + 1) >= 0


def test_population_stability_of_a_published_example():
    """By hand: a half of one bin's mass moved to another of two bins of equal mass."""
    reference = np.repeat([0.0, 1.0], 50)
    current = np.repeat([0.0, 1.0], [25, 75])
    by_hand = (0.25 - 0.5) * np.log(0.25 / 0.5) + (0.75 - 0.5) * np.log(0.75 / 0.5)
    assert population_stability(reference, current) == pytest.approx(by_hand)


def test_each_feature_has_its_figures():
    rng = np.random.default_rng(7)
    reference, X = rng.normal(size=(2_000, 2)).astype(np.float32), rng.normal(size=(30, 2)).astype(np.float32)
    X[:, 1] = X[:, 1] * 0 + 3
    calibration = Calibration.of(reference, reference[:, 0].astype(np.float64), interval=86_400)
    reading = calibration.features.read(Ordered.of(reference), X)
    same, moved = classic_statistics(["a", "b"], reference, X, reading=reading, calibration=calibration)
    assert (same.name, moved.name) == ("a", "b")
    assert moved.z == pytest.approx((3 - reference[:, 1].mean()) / reference[:, 1].std(), rel=1e-5)
    assert moved.ks == pytest.approx((reference[:, 1] < 3).mean(), abs=0.01)
    assert (moved.psi > 1, same.psi < 1) == (True, True)
    n = 30 / calibration.times[0] * 2_000 / (30 + 2_000)
    assert same.p == pytest.approx(kstwobign.sf(same.ks * np.sqrt(n)), rel=1e-6)
    assert moved.contribution > reading.threshold > same.contribution


@given(st.floats(0, 10))
def test_the_probability_is_scipys(x):
    assert kolmogorov(x) == pytest.approx(kstwobign.sf(x), abs=1e-12)
