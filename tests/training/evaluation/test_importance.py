"""What a model loses with a feature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression

from training.evaluation.importance import Losses, importance_table, permutation_losses
from training.evaluation.metrics import accuracy, called_up, log_loss


def linear(*weights):
    """A model that answers the logistic function of a weighted sum, fitted on nothing."""
    return lambda X: 1 / (1 + np.exp(-(X.astype(np.float64) @ np.array(weights))))


def rows_of(weights, *, rows=4_000, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, len(weights))).astype(np.float32)
    return X, (rng.random(rows) < linear(*weights)(X)).astype(np.int8)


def losses(answer, X, y, *, seed=1):
    return permutation_losses(answer, X, y, rng=np.random.default_rng(seed))


@given(st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_a_feature_that_the_model_ignores_costs_nothing_at_all(ignored, seed):
    weights = [1.0] * 4
    weights[ignored] = 0.0
    X, y = rows_of([1.0] * 4, rows=200)
    lost = losses(linear(*weights), X, y, seed=seed)
    assert (lost.accuracy[ignored], lost.log_loss[ignored]) == (0, 0)


def test_the_heavier_the_weight_the_greater_the_loss():
    X, y = rows_of([2.0, 1.0, 0.5])
    lost = losses(linear(2.0, 1.0, 0.5), X, y)
    assert (np.diff(lost.log_loss) < 0).all()
    assert (np.diff(lost.accuracy) < 0).all()
    assert lost.log_loss[2] > 0


def test_a_feature_that_misleads_the_model_has_a_negative_importance():
    X, y = rows_of([1.0, -1.0])
    assert losses(linear(1.0, 1.0), X, y).log_loss[1] < 0


def test_losses_are_those_of_one_feature_in_another_order_and_the_rest_as_it_is():
    X, y = rows_of([2.0, 1.0], rows=300)
    answer = linear(2.0, 1.0)
    shuffled = X.copy()
    shuffled[:, 1] = X[np.random.default_rng(1).permutation(len(X)), 1]
    expected = log_loss(y, answer(shuffled)) - log_loss(y, answer(X))
    assert losses(answer, X, y).log_loss[1] == pytest.approx(expected)


def test_they_agree_with_scikit_learns_up_to_the_shuffle():
    X, y = rows_of([2.0, 1.0, 0.0])
    model = LogisticRegression().fit(X, y)

    def score(fitted, X, y):
        p = fitted.predict_proba(X)[:, 1]
        return {"accuracy": accuracy(y, called_up(p)), "log_loss": -log_loss(y, p)}

    theirs = permutation_importance(model, X, y, scoring=score, n_repeats=20, random_state=0)
    ours = [losses(lambda X: model.predict_proba(X)[:, 1], X, y, seed=seed) for seed in range(20)]
    for figure in ("accuracy", "log_loss"):
        mean = np.mean([getattr(lost, figure) for lost in ours], axis=0)
        np.testing.assert_allclose(mean, theirs[figure].importances_mean, atol=0.01)


def test_the_model_is_asked_once_for_the_rows_and_once_for_all_features():
    asked = []
    X, y = rows_of([1.0, 1.0], rows=50)
    losses(lambda X: asked.append(len(X)) or linear(1.0, 1.0)(X), X, y)
    assert asked == [50, 100]


def test_the_table_has_the_mean_and_the_spread_over_the_folds_the_greatest_first():
    trials = [
        Losses(np.array([0.0, 0.1]), np.array([0.01, 0.02])),
        Losses(np.array([0.0, 0.3]), np.array([0.01, 0.04])),
    ]
    first, second = importance_table(["idle", "busy"], trials)
    assert first["name"] == "busy"
    assert first["accuracy"] == {"mean": pytest.approx(0.2), "std": pytest.approx(0.1)}
    assert second == {"name": "idle", "accuracy": {"mean": 0, "std": 0}, "log_loss": {"mean": 0.01, "std": 0}}
