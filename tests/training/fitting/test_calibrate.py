"""A sigmoid on rows that the model has not seen: what it mends, and what it must not do."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator

from tests.training.planted import planted
from training.evaluation.metrics import brier
from training.fitting.calibrating import fit_sigmoid
from training.fitting.estimators import ESTIMATORS
from training.fitting.learner import Learner
from training.recipe import Options

RNG = np.random.default_rng(0)
TRUTH = RNG.uniform(0.2, 0.8, size=4_000)  # probabilities of up
UPS = (RNG.random(4_000) < TRUTH).astype(np.int8)


def calibrated(probability, y=UPS, weight=None):
    slope, intercept = fit_sigmoid(probability, y, weight=weight)
    return expit(slope * probability + intercept)


@pytest.mark.parametrize("spread", [3.0, 0.2, 0.001])
def test_a_model_too_sure_or_too_shy_is_put_right(spread):
    mistaken = expit(spread * logit(TRUTH) + 0.4 * spread)
    assert brier(UPS, calibrated(mistaken)) < brier(UPS, mistaken)
    assert np.abs(calibrated(mistaken) - TRUTH).mean() < 0.04


def test_it_is_the_sigmoid_of_scikit_learn():
    X = np.column_stack([TRUTH, RNG.normal(size=4_000)])
    early, late = slice(0, 2_000), slice(2_000, 4_000)
    model = RandomForestClassifier(20, random_state=0).fit(X[early], UPS[early])  # without a decision function
    theirs = CalibratedClassifierCV(FrozenEstimator(model), method="sigmoid").fit(X[late], UPS[late])
    ours = calibrated(model.predict_proba(X[late])[:, 1], UPS[late])
    np.testing.assert_allclose(ours, theirs.predict_proba(X[late])[:, 1], atol=1e-4)


def test_a_weight_of_two_is_a_row_twice():
    some = slice(0, 500)
    weight = RNG.integers(1, 3, size=500)
    twice = fit_sigmoid(np.repeat(TRUTH[some], weight), np.repeat(UPS[some], weight))
    np.testing.assert_allclose(fit_sigmoid(TRUTH[some], UPS[some], weight=weight.astype(float)), twice, rtol=1e-4)


def test_a_model_that_was_wrong_all_along_is_not_turned_round():
    """It answers with the share of ups: on a few rows, being wrong is luck as well."""
    answers = calibrated(1 - TRUTH)
    assert len(set(answers)) == 1
    assert answers[0] == pytest.approx(UPS.mean(), abs=0.001)


@pytest.mark.parametrize("constant", [0.0, 0.3, 1.0])
def test_a_model_that_says_the_same_to_all_gets_the_share_of_ups(constant):
    answers = calibrated(np.full(4_000, constant))
    assert answers[0] == pytest.approx(UPS.mean(), abs=0.001)


def test_rows_that_are_told_apart_without_a_mistake_ask_for_no_certainty():
    slope, intercept = fit_sigmoid(np.repeat([0.4, 0.6], 30), np.repeat([0, 1], 30))
    assert expit(slope * np.array([0.4, 0.6]) + intercept) == pytest.approx([1 / 32, 31 / 32], abs=1e-3)


def test_a_model_that_knows_its_rows_by_heart_is_put_right_for_others():
    data, kind = planted(3_000, signal=0.2), ESTIMATORS["xgboost"]
    by_heart = kind.checked({"max_depth": 8, "learning_rate": 0.3, "min_child_weight": 1})
    off = {}
    for calibration in ("none", "sigmoid"):
        learner = Learner(kind, by_heart, Options(calibration=calibration), seed=7)
        model = learner.fit(data, slice(0, 2_000))
        off[calibration] = brier(data.y[2_000:], learner.probability_up(model, data.X[2_000:]))
    assert off["none"] > 0.3
    assert off["sigmoid"] < 0.26
