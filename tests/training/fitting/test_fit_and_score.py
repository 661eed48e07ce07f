"""From rows to everything that a bundle holds."""

import json
from dataclasses import replace
from io import BytesIO

import joblib
import numpy as np
import pytest

from cryptoml_site.errors import Invalid, Refused, Unknown
from registry.onnx_model import OnnxClassifier
from tests.training.planted import planted
from training.evaluation.archive import unpack_arrays
from training.fitting import fit_and_score as module
from training.fitting.environment import environment
from training.fitting.estimators import ESTIMATORS
from training.fitting.estimators.random_forest import RandomForest
from training.fitting.fit_and_score import fit_and_score
from training.recipe import Options

SMALL = {
    "random_forest": {"n_estimators": 20},
    "xgboost": {"n_estimators": 30, "learning_rate": 0.1},
    "logistic": {},
    "ensemble": {"random_forest__n_estimators": 20, "xgboost__n_estimators": 30, "xgboost__learning_rate": 0.1},
}
EVERY_OPTION = {
    "window": 600,
    "embargo": 5,
    "calibration": "sigmoid",
    "balance": True,
    "half_life": 30,
    "dead_zone": 0.2,
}
every_estimator = pytest.mark.parametrize("estimator", SMALL)


def scored(dataset, *, estimator="random_forest", folds=3, **more):
    return fit_and_score(dataset, estimator=estimator, params=SMALL[estimator], folds=folds, **more)


@pytest.fixture(scope="module")
def data():
    return planted(1_500, signal=0.4)


@pytest.fixture(scope="module")
def fitted(data):
    return scored(data)


def test_every_estimator_has_small_parameters_here():
    assert set(SMALL) == set(ESTIMATORS)


@every_estimator
def test_a_planted_signal_is_found(estimator, data):
    report = scored(data, estimator=estimator).report
    assert report["edge"]["low"] > 0
    assert report["metrics"]["brier"] < report["constant"]["brier"]


@every_estimator
@pytest.mark.parametrize("seed", [1, 2])
def test_noise_is_not_found(estimator, seed):
    report = scored(planted(1_500, seed=seed), estimator=estimator).report
    assert report["edge"]["low"] <= 0
    assert report["metrics"]["accuracy"]["low"] <= 0.53


@every_estimator
def test_shuffled_labels_give_no_edge(estimator, data):
    shuffled = replace(data, y=np.random.default_rng(0).permutation(data.y))
    report = scored(shuffled, estimator=estimator).report
    assert report["edge"]["low"] <= 0
    assert report["metrics"]["brier"] > report["constant"]["brier"]


@every_estimator
def test_two_runs_give_the_same_bits(estimator, data):
    first, again = scored(data, estimator=estimator), scored(data, estimator=estimator)
    for part in ("report", "onnx", "native", "evaluation", "reference", "golden", "parity", "recipe"):
        assert getattr(first, part) == getattr(again, part)


def test_evaluation_holds_every_walk_forward_row(data, fitted):
    kept = unpack_arrays(fitted.evaluation)
    rows = fitted.report["rows"]
    np.testing.assert_array_equal(kept["as_of"], data.as_of[-rows:])
    np.testing.assert_array_equal(kept["y_true"], data.y[-rows:])
    assert np.mean((kept["probability"] >= 0.5) == kept["y_true"]) == fitted.report["metrics"]["accuracy"]["value"]


def test_golden_rows_get_the_same_bits_from_the_file(data, fitted):
    golden = unpack_arrays(fitted.golden)
    assert golden["X"].shape == (32, 3)
    np.testing.assert_array_equal(golden["X"][[0, -1]], data.X[[0, -1]])
    again = OnnxClassifier.from_bytes(fitted.onnx).probability_up(golden["X"])
    assert again.tobytes() == golden["probability"].tobytes()


def test_the_native_model_answers_as_the_file(data, fitted):
    native = joblib.load(BytesIO(fitted.native))
    exported = OnnxClassifier.from_bytes(fitted.onnx).probability_up(data.X)
    difference = np.abs(RandomForest().probability_up(native, data.X) - exported).max()
    assert difference == fitted.parity <= 1e-5
    assert fitted.report["parity"] == {"difference": fitted.parity, "rows": len(data)}


def test_reference_holds_the_newest_rows_of_those_fitted(data, monkeypatch):
    monkeypatch.setattr(module, "REFERENCE_ROWS", 100)
    reference = unpack_arrays(scored(data).reference)
    np.testing.assert_array_equal(reference["X"], data.X[-100:])
    np.testing.assert_array_equal(reference["as_of"], data.as_of[-100:])
    assert reference["feature_names"].tolist() == data.feature_names


def test_the_report_is_json_without_nan(fitted):
    assert json.loads(json.dumps(fitted.report, allow_nan=False)) == fitted.report


@every_estimator
def test_the_planted_feature_is_the_one_that_the_model_leans_on(estimator, data):
    importance = scored(data, estimator=estimator).report["importance"]
    first, *others = importance["features"]
    assert first["name"] == "feature_0"
    assert first["log_loss"]["mean"] > 3 * max(abs(other["log_loss"]["mean"]) for other in others)
    assert first["accuracy"]["mean"] > 0.05
    assert {entry["name"] for entry in importance["features"]} == set(data.feature_names)


def test_importance_asks_the_model_of_each_fold_its_own_test_rows(data, fitted, monkeypatch):
    monkeypatch.setattr("training.fitting.examining.ROWS", 100)
    asked = []
    honest = RandomForest.probability_up
    monkeypatch.setattr(
        RandomForest, "probability_up", lambda self, model, X: asked.append((model, X)) or honest(self, model, X)
    )
    scored(data)
    folds = fitted.report["folds"]
    (_, first_test), (_, whole), (_, shuffled) = asked[:3]
    assert len(first_test) == folds[0]["test"]["rows"]
    assert len(whole) == 100
    assert {row.tobytes() for row in whole} <= {row.tobytes() for row in first_test}
    assert shuffled.shape == (3 * 100, 3)
    assert [model for model, _ in asked[:3]] == [asked[0][0]] * 3


def test_progress_counts_the_folds_and_the_final_fit(data):
    told = []
    scored(data, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_all_parameters_are_told_defaults_too(fitted):
    assert fitted.recipe.params == {"n_estimators": 20, "min_samples_leaf": 50, "max_depth": 10}


def test_the_report_says_how_the_version_was_learnt(data):
    report = scored(data, options=Options.parse(EVERY_OPTION), seed=3).report
    assert report["recipe"] == {
        "estimator": "random_forest",
        "params": {"n_estimators": 20, "min_samples_leaf": 50, "max_depth": 10},
        "feature_set": "planted",
        "folds": 3,
        "seed": 3,
        "options": EVERY_OPTION,
    }


@every_estimator
def test_every_option_at_once_finds_a_planted_signal_and_answers_every_row(estimator):
    report = scored(planted(2_400, signal=0.4), estimator=estimator, options=Options.parse(EVERY_OPTION)).report
    assert report["rows"] == 1_800
    assert report["edge"]["low"] > 0
    assert [fold["train"]["rows"] for fold in report["folds"]] == [594, 600, 600]
    assert report["parity"]["difference"] <= 1e-5


@pytest.mark.parametrize(
    "option", [{"calibration": "sigmoid"}, {"balance": True}, {"half_life": 5}, {"dead_zone": 0.5}]
)
def test_each_option_changes_what_is_learnt_and_never_what_is_judged(data, fitted, option):
    other = scored(data, options=Options.parse(option))
    assert other.onnx != fitted.onnx
    ours, theirs = unpack_arrays(other.evaluation), unpack_arrays(fitted.evaluation)
    np.testing.assert_array_equal(ours["as_of"], theirs["as_of"])
    np.testing.assert_array_equal(ours["y_true"], theirs["y_true"])
    assert (ours["probability"] != theirs["probability"]).any()


def test_the_baseline_of_logistic_regression_is_walked_over_the_same_folds_and_never_calibrated(data, monkeypatch):
    walked, honest = [], module.walk_forward
    monkeypatch.setattr(
        module,
        "walk_forward",
        lambda dataset, learner, folds, **told: (
            walked.append((dataset, learner, folds)) or honest(dataset, learner, folds, **told)
        ),
    )
    scored(data, options=Options.parse(EVERY_OPTION))
    (_, _, folds), (seen, learner, same) = walked
    assert same == folds
    np.testing.assert_array_equal(seen.X, data.returns.astype(np.float32))
    assert (learner.estimator.name, learner.options) == ("logistic", Options())


def test_a_baseline_that_sees_the_signal_in_the_returns_is_told_beside_the_model():
    data = planted(1_500)
    returns = np.column_stack([data.log_return + 0.005 * np.random.default_rng(1).normal(size=1_500)] * 5)
    report = scored(planted(1_500, returns=returns)).report
    assert report["logistic"]["accuracy"]["value"] > 0.8 > report["metrics"]["accuracy"]["value"]


def test_reference_holds_rows_of_the_window_alone(data):
    reference = unpack_arrays(scored(data, options=Options(window=300)).reference)
    np.testing.assert_array_equal(reference["as_of"], data.as_of[-300:])


def test_an_export_that_answers_otherwise_is_refused(data, monkeypatch):
    honest = RandomForest.to_onnx
    stump = RandomForest().fit(data.X, data.y, {"n_estimators": 1, "max_depth": 1, "min_samples_leaf": 1}, seed=1)
    monkeypatch.setattr(RandomForest, "to_onnx", lambda self, model, width: honest(self, stump, width))
    with pytest.raises(Refused) as refusal:
        scored(data)
    assert refusal.value.code == "parity_failed"
    assert refusal.value.evidence["difference"] > 1e-5


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"estimator": "oracle", "params": {}}, "unknown_estimator"),
        ({"estimator": "xgboost", "params": {"trees": 3}}, "unknown_parameter"),
        ({"estimator": "xgboost", "params": {}, "folds": 1}, "invalid_folds"),
        ({"estimator": "xgboost", "params": {}, "folds": 50}, "too_few_rows"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_fitted(data, asked, code):
    with pytest.raises((Unknown, Invalid, Refused)) as refusal:
        fit_and_score(data, **asked, progress=pytest.fail)
    assert refusal.value.code == code


def test_timings_are_seconds_of_each_part(fitted):
    assert set(fitted.timings) == {"walk_forward", "importance", "final_fit"}
    assert all(seconds > 0 for seconds in fitted.timings.values())


def test_environment_names_what_may_change_the_bits():
    found = environment()
    assert {"python", "numpy", "sklearn", "xgboost", "onnxruntime", "skl2onnx", "platform", "cpu"} <= set(found)
    assert all(found.values())
