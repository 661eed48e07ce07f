"""What a search found is walked and fitted like any parameters, and its trials count against it."""

import pytest

from tests.training.planted import planted
from training.fitting.fit_and_score import fit_and_score
from training.recipe import Options

SMALL = {"n_estimators": 20, "subsample": 0.7, "colsample_bytree": 0.7, "reg_lambda": 1.0}


def scored(*, trials=4, others=(), seed=7, signal=0.4):
    asked = Options(trials=trials)
    dataset = planted(2_100, signal=signal)
    return fit_and_score(dataset, estimator="xgboost", params=SMALL, options=asked, folds=2, seed=seed, others=others)


@pytest.fixture(scope="module")
def fitted():
    return scored()


def test_what_was_found_is_walked_fitted_and_told(fitted):
    best = fitted.report["search"]["leaders"][0]
    assert fitted.recipe.params == fitted.report["recipe"]["params"] == best["params"]
    plain = fit_and_score(planted(2_100, signal=0.4), estimator="xgboost", params=best["params"], folds=2)
    assert (plain.onnx, plain.evaluation) == (fitted.onnx, fitted.evaluation)
    assert plain.report["metrics"] == fitted.report["metrics"]
    assert "search" not in plain.report


def test_all_trials_but_the_one_that_was_chosen_deflate_the_sharpe_ratio(fitted):
    told = fitted.report["search"]
    assert fitted.report["trials"]["count"] == told["tried"]["all"] == 4
    assert fitted.report["trials"]["best_by_luck"] > 0
    again = scored(others=[0.5])
    assert again.report["trials"]["count"] == 5
    assert again.report["trials"]["deflated_sharpe"] < fitted.report["trials"]["deflated_sharpe"]


def test_earlier_trials_deflate_a_run_without_a_search_too():
    alone, third = scored(trials=0), scored(trials=0, others=[0.1, -0.1])
    assert (alone.report["trials"]["count"], third.report["trials"]["count"]) == (1, 3)
    assert third.report["trading"]["deflated_sharpe"] < alone.report["trading"]["deflated_sharpe"]


def test_two_searches_of_one_seed_make_the_same_bits(fitted):
    again = scored()
    assert (again.report, again.onnx, again.native) == (fitted.report, fitted.onnx, fitted.native)
