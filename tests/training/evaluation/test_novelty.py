"""How unlike the fitted rows one is: 1 at their 99th percentile, whatever their units, tails, twins and standstills."""

from timeit import repeat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.training.candles import series_of
from training.datasets import build_dataset
from training.evaluation.novelty import FARTHEST, NoveltyDetector
from training.features.feature_set import FEATURE_SETS
from training.market_data.simulation import SimulatedProcess

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
MOST_MICROSECONDS = 20  # that the product promises for a row


def normal(rows=4_000, features=5, *, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, features)).astype(np.float32)


def above(detector, X, score=1.0):
    """Share of rows with more than that score."""
    return float((np.array(detector.scores(X)) > score).mean())


@pytest.mark.parametrize("features", FEATURE_SETS.values(), ids=FEATURE_SETS)
def test_one_in_a_hundred_of_the_fitted_rows_scores_above_1(features):
    X = build_dataset(SimulatedProcess(seed=7, interval=3_600).candles(400_000, 6_000), features, horizon=1).X
    assert above(NoveltyDetector.fit(X), X) == pytest.approx(0.01, abs=0.001)


def test_rows_of_the_same_kind_score_as_the_fitted_ones_do():
    assert above(NoveltyDetector.fit(normal(seed=1)), normal(seed=2)) == pytest.approx(0.01, abs=0.008)


def test_the_middle_scores_nothing_and_further_out_scores_more():
    detector = NoveltyDetector.fit(normal())
    scores = [detector.score(np.full(5, step, np.float32)) for step in (0, 1, 2, 4, 8)]
    assert scores[0] < 0.05
    assert scores == sorted(scores)
    assert scores[-1] == pytest.approx(2 * scores[-2], rel=0.02)


def test_units_change_nothing():
    X, units = normal(), np.array([1e-9, 1.0, 1e9, -3.0, 1e4])
    offset = np.array([0.0, 5.0, 1e9, 0.0, -7e4])
    scores = NoveltyDetector.fit(X).scores(X)
    moved = (X * units + offset).astype(np.float32)
    np.testing.assert_allclose(NoveltyDetector.fit(moved).scores(moved), scores, atol=0.003)


@pytest.mark.parametrize("columns", [slice(None), 0, [0, 1]], ids=["everywhere", "in one feature", "in two at once"])
def test_a_few_absurd_rows_among_the_fitted_hide_nothing(columns):
    clean, spoilt = normal(), normal()
    spoilt[::250, columns] *= 1e6
    row = np.array([8.0, -8.0, 0.0, 0.0, 0.0], np.float32)
    scores = [NoveltyDetector.fit(X).score(row) for X in (clean, spoilt)]
    assert scores[1] == pytest.approx(scores[0], rel=0.1)
    assert scores[0] > 2


def test_values_that_never_came_together_are_new_although_each_is_common():
    X = normal()
    X[:, 1] = X[:, 0] + 0.05 * X[:, 1]
    detector = NoveltyDetector.fit(X)
    apart = np.zeros(5, np.float32)
    apart[:2] = 1.0, -1.0
    together = np.zeros(5, np.float32)
    together[:2] = 1.0, 1.0
    assert detector.score(together) < 1 < 3 < detector.score(apart)


def test_twins_among_the_features_do_not_make_rounding_news():
    X = normal()
    twins = np.concatenate([X, X], axis=1)
    detector = NoveltyDetector.fit(twins)
    assert above(detector, twins) == pytest.approx(0.01, abs=0.001)
    rounded = twins.copy()
    rounded[:, 5:] = np.nextafter(rounded[:, 5:], np.float32(np.inf))
    np.testing.assert_allclose(detector.scores(rounded), detector.scores(twins), atol=0.002)


@pytest.mark.parametrize("still", [0.0, 1.0, -45_000.0, 1e-20])
def test_a_feature_that_never_moved_scores_nothing_until_it_moves(still):
    X = normal()
    X[:, 2] = still
    detector = NoveltyDetector.fit(X)
    assert above(detector, X) == pytest.approx(0.01, abs=0.001)
    moved = np.zeros(5, np.float32)
    moved[2] = still
    assert detector.score(moved) < 0.05
    moved[2] = still * 1.01 + 0.01
    assert detector.score(moved) > 100


def test_a_feature_that_seldom_moves_has_the_spread_of_its_moves():
    X = normal()
    X[:, 2] = np.where(np.arange(len(X)) % 20 == 0, X[:, 2], 0.0)
    detector = NoveltyDetector.fit(X)
    assert above(detector, X) == pytest.approx(0.01, abs=0.001)
    usual = np.zeros(5, np.float32)
    usual[2] = 0.1
    assert detector.score(usual) < 1
    usual[0] = 20.0
    assert detector.score(usual) > 2


def test_rows_that_are_all_the_same_can_be_fitted_on():
    X = np.ones((100, 3), np.float32)
    detector = NoveltyDetector.fit(X)
    assert detector.scores(X) == [0.0] * 100
    assert detector.score(np.array([1, 1, 2], np.float32)) == FARTHEST


@given(
    arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(1, 6)), elements=FLOATS),
    arrays(np.float32, 6, elements=FLOATS),
)
def test_whatever_was_fitted_and_is_asked_scores_a_number_from_0_to_the_farthest(X, asked):
    detector = NoveltyDetector.fit(X)
    for row in (*X[:3], asked[: X.shape[1]]):
        assert 0 <= detector.score(row) <= FARTHEST


def test_a_row_scores_the_same_alone_as_among_others():
    X = normal(rows=2_000)
    detector = NoveltyDetector.fit(X)
    alone = [detector.score(row) for row in X]
    np.testing.assert_allclose(detector.scores(X), alone, atol=0.0011)
    assert [detector.scores(X[place : place + 1]) for place in range(20)] == [[score] for score in alone[:20]]


def test_a_score_is_exact_in_four_bytes():
    scores = NoveltyDetector.fit(normal()).scores(100 * normal(seed=3))
    assert [float(str(np.float32(score))) for score in scores] == scores


def test_it_is_the_same_after_it_was_packed_and_unpacked():
    detector = NoveltyDetector.fit(normal())
    again = NoveltyDetector.unpack(detector.pack())
    assert again.scores(normal(seed=4)) == detector.scores(normal(seed=4))
    assert detector.pack() == NoveltyDetector.fit(normal()).pack()
    assert len(detector.pack()) < 5_000


@pytest.mark.parametrize("features", [9, 17, 19])
def test_a_row_is_scored_within_the_time_promised(features):
    X = normal(features=features)
    detector, row = NoveltyDetector.fit(X), X[:1]
    detector.scores(row)
    seconds = min(repeat(lambda: detector.scores(row), number=200, repeat=20)) / 200
    assert seconds * 1e6 < MOST_MICROSECONDS


@pytest.mark.real_data
@pytest.mark.parametrize("features", FEATURE_SETS.values(), ids=FEATURE_SETS)
def test_the_hours_after_those_fitted_are_hardly_new_and_their_columns_shuffled_are(data_dir, features):
    close, volume = np.loadtxt(data_dir / "ethereum_hourly.csv", delimiter=",", skiprows=1, usecols=(4, 5)).T
    X = build_dataset(series_of(close, volume), features, horizon=1).X
    fitted, later = X[:12_000], X[12_000:14_000]
    detector = NoveltyDetector.fit(fitted)
    assert above(detector, later) < 0.03
    assert above(detector, np.random.default_rng(7).permuted(fitted[-3_000:], axis=0)) > 0.8
