"""No model is learnt from rows that it would not be shown: features are held against serving before a fit."""

from dataclasses import replace

import numpy as np
import pytest

from cryptoml_site.errors import Refused
from registry.models import ModelVersion, RegisteredModel
from tests.training.candles import random_series
from training.datasets import build_dataset
from training.features.feature import Feature
from training.features.feature_set import FEATURE_SETS, FeatureSet, feature_set
from training.features.windows import lagged, log
from training.learning import learn, queue_run
from training.market_data.simulate import simulate_candles
from training.models import Market, TrainingRun
from training.skew import refuse_skew


def returned(candles):
    return log(candles.close) - lagged(log(candles.close), 1)


def ahead(candles):
    """Tomorrow's return, as a shift by the wrong sign makes it."""
    return np.append(returned(candles)[1:], 0.0)


def scaled_by_all(candles):
    return (returned(candles) - np.nanmean(returned(candles))) / np.nanstd(returned(candles))


def drawn(candles):
    return np.random.default_rng().random(len(candles))


def over_five(candles):
    return log(candles.close) - lagged(log(candles.close), 5)


def set_of(compute, *, window=2):
    feature = Feature("suspect", "log return", "Of a user's own.", window, compute, scale_free=True)
    return FeatureSet("mine", (feature_set("technical").features[0], feature), revision=1)


def compared(features, series=None):
    series = random_series(400) if series is None else series
    refuse_skew(build_dataset(series, features, horizon=1), series, features)


@pytest.mark.parametrize(
    ("compute", "window"), [(ahead, 1), (ahead, 2), (scaled_by_all, 2), (drawn, 1), (over_five, 2)]
)
def test_a_feature_that_serving_cannot_show_is_refused_by_name(compute, window):
    with pytest.raises(Refused, match="feature suspect of mine") as refused:
        compared(set_of(compute, window=window))
    assert refused.value.code == "training_serving_skew"
    assert refused.value.evidence["feature"] == "suspect"


def rounded(candles):
    """In its last bits it depends on how many candles it is given."""
    return returned(candles) * (1 + 1e-6 / len(candles))


def test_one_that_rounds_by_how_much_it_is_given_is_told_what_to_do():
    with pytest.raises(Refused, match=r"adds in another order.*training\.features\.windows"):
        compared(set_of(rounded))


@pytest.mark.parametrize("name", FEATURE_SETS)
def test_our_own_are_shown_as_they_are_learnt(name):
    compared(feature_set(name))


def test_a_hole_and_an_honest_feature_of_ones_own_are_no_skew():
    series = random_series(400)
    close = series.close.copy()
    close[[50, 200, 201]] = np.nan
    compared(set_of(returned), replace(series, close=close))


def test_no_rows_are_no_skew():
    compared(set_of(returned), random_series(1))


@pytest.mark.django_db
def test_a_run_on_such_features_leaves_no_version(monkeypatch):
    monkeypatch.setitem(FEATURE_SETS, "mine", set_of(ahead, window=1))
    simulate_candles("demo-usd-1h", candles=1_200, seed=7)
    run = queue_run(
        market=Market.objects.named("demo-usd-1h"),
        model=RegisteredModel.objects.of_market("demo-usd-1h"),
        feature_set="mine",
        estimator="logistic",
        actor="user:anna",
    )
    with pytest.raises(Refused, match="suspect"):
        learn(run, progress=lambda *_: None)
    assert TrainingRun.objects.get().status == "failed"
    assert not ModelVersion.objects.exists()
