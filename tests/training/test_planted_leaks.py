"""The classic mistakes, made on purpose: each is caught, and what we do is not.

Two nets. On a driftless random walk nobody can be right much more often than half the time: who is, has seen what he
was asked. And whatever happens after a fold, or in the gap before it, must not move one bit of what the fold answered.
"""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.candles import random_series
from tests.training.planted import planted
from training import datasets
from training.datasets import build_dataset
from training.evaluation.bootstrap import block_bootstrap
from training.evaluation.metrics import called_up
from training.features.feature_set import FeatureSet, feature_set
from training.fitting import calibrating, learner, walk_forward
from training.fitting.estimators import ESTIMATORS
from training.fitting.estimators.logistic import Logistic
from training.fitting.learner import Learner
from training.recipe import Options

TECHNICAL = feature_set("technical")
HORIZON = 24
SMALL = {
    "random_forest": {"n_estimators": 30, "min_samples_leaf": 20},
    "xgboost": {"n_estimators": 60, "learning_rate": 0.1, "max_depth": 5},
    "logistic": {},
    "ensemble": {"random_forest__n_estimators": 20, "xgboost__n_estimators": 30},
}
EVERY_OPTION = {"calibration": "sigmoid", "balance": True, "half_life": 20.0, "dead_zone": 0.3}
OPTIONS = [{}, *({name: value} for name, value in EVERY_OPTION.items()), {**EVERY_OPTION, "window": 500, "embargo": 7}]


def walked(dataset, *, estimator="xgboost", folds=4, params=None, **options):
    kind, asked = ESTIMATORS[estimator], Options(**options)
    how = Learner(kind, kind.checked({**SMALL[estimator], **(params or {})}), asked, seed=7)
    cuts = walk_forward.cut(
        len(dataset), folds=folds, horizon=dataset.horizon, embargo=asked.embargo, window=asked.window
    )
    return walk_forward.walk_forward(dataset, how, cuts)


def random_walk(*, horizon=1, length=2_500):
    return build_dataset(random_series(length, seed=11), TECHNICAL, horizon=horizon)


def knows_too_much(dataset, **asked):
    """The first net: whether a walk over a random walk is right more often than luck and overlap explain."""
    walk = walked(dataset, **asked)
    hits = called_up(walk.probability) == dataset.y[walk.answered]
    return block_bootstrap(hits - 0.5, horizon=HORIZON, seed=7).low > 0.02


def shuffled(dataset):
    order = np.random.default_rng(0).permutation(len(dataset))
    rows = ("X", "y", "as_of", "log_return", "closes", "returns", "sigma")
    return replace(dataset, **{name: getattr(dataset, name)[order] for name in rows})


@pytest.mark.parametrize("horizon", [1, HORIZON])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_on_a_random_walk_we_are_not_caught(estimator, horizon):
    assert not knows_too_much(random_walk(horizon=horizon), estimator=estimator)


@pytest.mark.parametrize("estimator", ["random_forest", "xgboost", "ensemble"])
def test_shuffled_folds_are_caught(estimator):
    """Rows a few hours apart share most of the 24 hours that their labels tell of."""
    leaves = {"random_forest": {"min_samples_leaf": 5}, "xgboost": {"min_child_weight": 1}}.get(estimator, {})
    assert knows_too_much(shuffled(random_walk(horizon=HORIZON)), estimator=estimator, params=leaves)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_label_shifted_by_one_is_caught(monkeypatch, estimator):
    """The return that ends at as_of in the place of the one that begins there."""
    honest = datasets.log_returns_ahead
    monkeypatch.setattr(
        datasets, "log_returns_ahead", lambda closes, *, horizon: np.roll(honest(closes, horizon=horizon), horizon)
    )
    assert knows_too_much(random_walk(), estimator=estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_features_shifted_by_one_are_caught(monkeypatch, estimator):
    """Those of the candle after as_of, whose return is the label."""
    honest = FeatureSet.matrix
    monkeypatch.setattr(FeatureSet, "matrix", lambda self, series: np.roll(honest(self, series), -1, axis=0))
    assert knows_too_much(random_walk(), estimator=estimator)


def after(dataset, row):
    """The same until that row, and something wild from it on."""
    rng, count = np.random.default_rng(1), len(dataset) - row
    wild = {
        "X": 1_000 * rng.normal(size=(count, dataset.X.shape[1])).astype(np.float32),
        "y": rng.integers(0, 2, count).astype(np.int8),
        "log_return": rng.normal(size=count),
        "sigma": rng.uniform(size=count),
    }
    return replace(
        dataset, **{name: np.concatenate([getattr(dataset, name)[:row], values]) for name, values in wild.items()}
    )


def sees_what_comes(dataset, **asked):
    """The second net: whether an answer of a fold moves with what lies after the fold, or with labels that its test
    settles."""
    walk = walked(dataset, **asked)
    for place, fold in enumerate(walk.folds[:-1]):
        told = walked(after(dataset, fold.test_stop), **asked)
        for earlier in walk.folds[: place + 1]:
            if walk.answers(earlier).tobytes() != told.answers(earlier).tobytes():
                return True
    first = walk.folds[0]
    gap = slice(first.test_start - dataset.horizon, first.test_start)
    elsewise = dataset.y.copy()
    elsewise[gap] = 1 - elsewise[gap]
    told = walked(
        replace(dataset, y=elsewise, log_return=np.where(elsewise == dataset.y, dataset.log_return, 9.0)), **asked
    )
    return walk.answers(first).tobytes() != told.answers(first).tobytes()


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "plain")
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_nothing_that_comes_moves_an_answer_of_ours(estimator, options):
    data = planted(1_600, signal=0.3, horizon=5)
    assert not sees_what_comes(data, estimator=estimator, folds=2, **options)


def test_early_stopping_does_not_see_what_comes():
    params = {"early_stopping_rounds": 5}
    assert not sees_what_comes(planted(1_600, signal=0.3, horizon=5), folds=2, params=params)


def test_a_scaler_fitted_on_everything_is_caught(monkeypatch):
    data = planted(1_600, signal=0.3)
    everything: list[np.ndarray] = []

    def fit_scaled_by_everything(self, X, y, params, **more):
        return honest(self, X / everything[-1].std(axis=0), y, params, **more)

    def walked_and_told(dataset, *rest, **more):
        everything.append(dataset.X)
        return honest_walk(dataset, *rest, **more)

    honest, honest_walk = Logistic.fit, walk_forward.walk_forward
    monkeypatch.setattr(Logistic, "fit", fit_scaled_by_everything)
    monkeypatch.setattr(walk_forward, "walk_forward", walked_and_told)
    assert sees_what_comes(data, estimator="logistic", folds=2)


def test_a_sigmoid_fitted_on_the_rows_that_it_is_judged_by_is_caught(monkeypatch):
    data = planted(1_600, signal=0.3, horizon=5)
    honest = learner.Learner.fit

    def fit_and_calibrate_ahead(self, dataset, rows):
        model = honest(self, dataset, rows)
        ahead = slice(rows.stop, rows.stop + 300)
        return calibrating.calibrated(self.estimator, model, dataset.X[ahead], dataset.y[ahead], weight=None)

    monkeypatch.setattr(learner.Learner, "fit", fit_and_calibrate_ahead)
    assert sees_what_comes(data, estimator="logistic", folds=2)


def test_weights_that_know_the_share_of_ups_to_come_are_caught(monkeypatch):
    data = planted(1_600, signal=0.3, horizon=5)
    monkeypatch.setattr(
        learner.Learner,
        "_weight",
        lambda self, dataset, places: np.where(dataset.y[places] == 1, 1 / dataset.y.mean(), 1.0),
    )
    assert sees_what_comes(data, estimator="logistic", folds=2)


def test_folds_without_a_purge_are_caught(monkeypatch):
    """The labels of the last rows fitted are settled within the test."""
    honest = walk_forward.cut
    monkeypatch.setattr(
        walk_forward, "cut", lambda rows, *, horizon, **more: _unpurged(honest(rows, horizon=horizon, **more))
    )
    assert sees_what_comes(planted(1_600, signal=0.3, horizon=5), folds=2)


def _unpurged(folds):
    return tuple(replace(fold, train_stop=fold.test_start - 1) for fold in folds)
