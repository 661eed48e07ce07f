"""The distances are the classic ones, computed for all features at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import ks_2samp, wasserstein_distance

from training.drift.distances import Ordered

VALUES = st.floats(-1e6, 1e6, width=32) | st.sampled_from([0.0, 1.0])  # with many that are equal
ROWS = st.integers(4, 60).flatmap(lambda n: arrays(np.float32, (n, 2), elements=VALUES))


def expected(known, new):
    scale = known.std(axis=0)
    scale[scale == 0] = 1
    pairs = list(zip(known.T, new.T, strict=True))
    ks = [ks_2samp(one, other, method="asymp").statistic for one, other in pairs]
    return ks, [wasserstein_distance(*pair) / unit for pair, unit in zip(pairs, scale, strict=True)]


def assert_same(found, known, new, *, scale_of):
    ks, wasserstein = expected(known.astype(np.float64), new.astype(np.float64))
    np.testing.assert_allclose(found.ks, ks, atol=1e-9)
    unit = scale_of.astype(np.float64).std(axis=0) if scale_of is not known else known.astype(np.float64).std(axis=0)
    theirs = known.astype(np.float64).std(axis=0)
    factor = np.where(theirs == 0, 1, theirs) / np.where(unit == 0, 1, unit)
    np.testing.assert_allclose(found.wasserstein, np.array(wasserstein) * factor, rtol=1e-6, atol=1e-9)


@given(ROWS, ROWS)
def test_new_rows_are_as_far_as_scipy_says(known, new):
    assert_same(Ordered.of(known).against(new), known, new, scale_of=known)


@given(ROWS, st.data())
def test_a_stretch_is_as_far_from_the_rest_as_scipy_says(X, data):
    length = data.draw(st.integers(1, len(X) // 4))
    margin = length // 2
    start = data.draw(st.integers(0, len(X) - length))
    rest = np.concatenate([X[: max(start - margin, 0)], X[start + length + margin :]])
    found = Ordered.of(X).between(slice(start, start + length), margin)
    assert_same(found, rest, X[start : start + length], scale_of=X)


def test_rows_like_the_reference_are_at_no_distance_and_others_at_the_largest():
    X = np.random.default_rng(7).normal(size=(500, 3))
    same, far = Ordered.of(X).against(X), Ordered.of(X).against(X + 100)
    assert (same.ks.max(), far.ks.min()) == (0, 1)
    assert far.wasserstein == pytest.approx(100 / X.std(axis=0))


def test_a_feature_that_never_moved_is_far_only_once_it_moves():
    still = np.zeros((100, 1))
    assert Ordered.of(still).against(still[:10]).ks == [0]
    moved = Ordered.of(still).against(still[:10] + 1)
    assert (moved.ks[0], moved.wasserstein[0]) == (1, 1)
