"""One battery that every estimator passes, present and future, plain and calibrated."""

import os
import subprocess
import sys
from hashlib import sha256
from io import BytesIO

import joblib
import numpy as np
import onnx
import pytest
from django.conf import settings as site
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import StandardScaler

from cryptoml_site.errors import Invalid, Refused, Unknown
from registry.onnx_model import OnnxClassifier
from tests.training.candles import series_of
from tests.training.planted import planted
from training.datasets import build_dataset
from training.features.feature_set import feature_set
from training.fitting.estimators import ESTIMATORS, estimator_named
from training.fitting.estimators.ensemble import MEMBERS
from training.fitting.estimators.xgboost import XGBClassifier
from training.fitting.learner import Learner
from training.fitting.parity import refuse_disparity
from training.recipe import CALIBRATIONS, Options

DATA = planted(1_500, signal=0.3, width=4)
FLOAT32 = arrays(np.float32, (20, 4), elements=st.floats(-4, 4, width=32))
every_estimator = pytest.mark.parametrize("name", ESTIMATORS)
SEEDED = [name for name, kind in ESTIMATORS.items() if kind.seeded]
IN_A_PROCESS_OF_ITS_OWN = """
from tests.training.fitting.test_estimators import digests
print(*digests())
"""


def small(name):
    """Parameters of a quick model of this kind."""
    asked = {"n_estimators": 20, "min_samples_leaf": 20}
    return {key: asked[last] for key in ESTIMATORS[name].parameters if (last := key.split("__")[-1]) in asked}


def learner(name, *, seed=7, calibration="none", **more):
    kind = ESTIMATORS[name]
    return Learner(kind, kind.checked({**small(name), **more}), Options(calibration=calibration), seed=seed)


def fitted(name, *, data=DATA, seed=7, weight=None, **more):
    kind = ESTIMATORS[name]
    return kind.fit(data.X, data.y, kind.checked({**small(name), **more}), seed=seed, weight=weight)


def digests():
    """Of every estimator's file, plain and calibrated."""
    asked = [learner(name, calibration=calibration) for name in ESTIMATORS for calibration in CALIBRATIONS]
    return [sha256(each.to_onnx(each.fit(DATA, slice(0, len(DATA))), 4)).hexdigest() for each in asked]


@pytest.fixture(
    scope="module",
    params=[(name, calibration) for name in ESTIMATORS for calibration in CALIBRATIONS],
    ids=lambda param: "-".join(param),
)
def exported(request):
    """(learner, native model, ONNX file)."""
    name, calibration = request.param
    asked = learner(name, calibration=calibration)
    model = asked.fit(DATA, slice(0, len(DATA)))
    return asked, model, asked.to_onnx(model, 4)


def split_rows(file):
    """Rows that lie exactly on each split of an ONNX file's trees, or one float32 step beside it."""
    rows = []
    for node in onnx.load_from_string(file).graph.node:
        if node.op_type == "TreeEnsembleClassifier":
            found = {entry.name: entry for entry in node.attribute}
            values = np.array(found["nodes_values"].floats, dtype=np.float32)
            beside = np.random.default_rng(0).normal(size=(len(values), 4)).astype(np.float32)
            beside[np.arange(len(values)), list(found["nodes_featureids"].ints)] = values
            rows.append(beside)
    at, infinity = np.concatenate(rows), np.float32(np.inf)
    return np.concatenate([at, np.nextafter(at, infinity), np.nextafter(at, -infinity)])


@settings(max_examples=30, deadline=None)
@given(X=FLOAT32)
def test_onnx_answers_as_the_native_model_on_any_float32_row(exported, X):
    asked, model, file = exported
    refuse_disparity(asked.probability_up(model, X), OnnxClassifier.from_bytes(file).probability_up(X))


def test_onnx_answers_as_the_native_model_at_every_split(exported):
    asked, model, file = exported
    X = DATA.X if "logistic" in asked.estimator.name else split_rows(file)
    refuse_disparity(asked.probability_up(model, X), OnnxClassifier.from_bytes(file).probability_up(X))


def test_a_row_gets_the_same_bits_alone_and_in_a_batch_of_any_size(exported):
    classifier = OnnxClassifier.from_bytes(exported[2])
    together = classifier.probability_up(DATA.X[:500]).tobytes()
    for rows in (1, 3, 8, 17):
        parts = [classifier.probability_up(DATA.X[first : min(first + rows, 500)]) for first in range(0, 500, rows)]
        assert np.concatenate(parts).tobytes() == together


def test_the_label_is_the_call_that_the_probability_makes(exported):
    session = OnnxClassifier.from_bytes(exported[2])._session
    label, probabilities = session.run(["label", "probabilities"], {"features": DATA.X})
    assert (label.shape, label.dtype, probabilities.shape) == ((1_500,), np.int64, (1_500, 2))
    np.testing.assert_array_equal(label, probabilities[:, 1] >= 0.5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_the_native_model_gives_the_same_bits_every_time(exported):
    asked, model, _ = exported
    assert len({asked.probability_up(model, DATA.X).tobytes() for _ in range(20)}) == 1


def test_the_native_model_survives_joblib(exported):
    asked, model, _ = exported
    buffer = BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    again = asked.probability_up(joblib.load(buffer), DATA.X)
    np.testing.assert_array_equal(again, asked.probability_up(model, DATA.X))


def test_two_fits_give_the_same_file_whatever_the_process_and_its_cores():
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    elsewhere = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS_OF_ITS_OWN],
        cwd=site.BASE_DIR,
        env=alone,
        capture_output=True,
        text=True,
        check=True,
    )
    assert elsewhere.stdout.split() == digests()


@every_estimator
def test_another_seed_gives_another_file_where_anything_is_drawn(name):
    files = {ESTIMATORS[name].to_onnx(fitted(name, seed=seed), 4) for seed in (7, 8)}
    assert len(files) == (2 if name in SEEDED else 1)


@every_estimator
def test_a_planted_signal_is_learnt(name):
    later = planted(1_000, signal=0.6, width=4, seed=1)
    model = fitted(name, data=planted(1_500, signal=0.6, width=4))
    called = ESTIMATORS[name].probability_up(model, later.X) >= 0.5
    assert (called == later.y).mean() > 0.6  # who knew the planted part would reach .70


@every_estimator
def test_what_weighs_more_is_learnt(name):
    """The first half says that the feature leads up, the second that it leads down."""
    up = DATA.X[:, 0] > 0
    first = np.arange(len(up)) < len(up) // 2
    data = planted(1_500, signal=0.3, width=4, X=DATA.X, y=np.where(first, up, ~up).astype(np.int8))
    asked = np.float32([[2, 0, 0, 0]])
    for heavy, leads_up in ((first, True), (~first, False)):
        model = fitted(name, data=data, weight=np.where(heavy, 1.8, 0.2))
        assert (ESTIMATORS[name].probability_up(model, asked)[0] > 0.5) == leads_up


@every_estimator
def test_equal_weights_are_as_good_as_none(name):
    kind = ESTIMATORS[name]
    weighed, plain = fitted(name, weight=np.ones(len(DATA))), fitted(name)
    np.testing.assert_allclose(
        kind.probability_up(weighed, DATA.X), kind.probability_up(plain, DATA.X), rtol=0, atol=1e-6
    )


@every_estimator
@pytest.mark.parametrize("share", [0.1, 0.9])
def test_a_lopsided_market_is_answered_as_it_is(name, share):
    rng = np.random.default_rng(0)
    data = planted(1_500, width=4, y=(rng.random(1_500) < share).astype(np.int8))
    model = fitted(name, data=data)
    assert ESTIMATORS[name].probability_up(model, data.X).mean() == pytest.approx(share, abs=0.03)


@every_estimator
def test_defaults_lie_within_their_own_ranges(name):
    kind = ESTIMATORS[name]
    assert kind.checked({}) == {key: parameter.default for key, parameter in kind.parameters.items()}


@every_estimator
def test_an_unknown_parameter_is_refused_by_name(name):
    with pytest.raises(Invalid, match="no parameter 'depht'") as refusal:
        ESTIMATORS[name].checked({"depht": 3})
    assert (refusal.value.code, refusal.value.field) == ("unknown_parameter", "params.depht")


@pytest.mark.parametrize(
    ("name", "parameter"), [(name, key) for name in ESTIMATORS for key in ESTIMATORS[name].parameters]
)
def test_a_value_out_of_range_or_of_another_type_is_refused(name, parameter):
    asked = ESTIMATORS[name].parameters[parameter]
    fraction = [2.5] if isinstance(asked.default, int) else []
    for value in [asked.low - 1, asked.high + 1, "20", None, True, float("nan"), *fraction]:
        with pytest.raises(Invalid, match=rf"^{parameter} of {name} is .*: give a (whole )?number from") as refusal:
            ESTIMATORS[name].checked({parameter: value})
        assert (refusal.value.code, refusal.value.field) == ("invalid_parameter", f"params.{parameter}")


def test_a_whole_number_is_taken_where_a_fraction_is_asked_for():
    assert isinstance(ESTIMATORS["xgboost"].checked({"subsample": 1})["subsample"], float)


def test_an_unknown_estimator_is_refused_and_told_which_there_are():
    with pytest.raises(Unknown, match="random_forest, xgboost, logistic, ensemble") as refusal:
        estimator_named("oracle")
    assert (refusal.value.code, refusal.value.field) == ("unknown_estimator", "estimator")


def test_an_ensemble_is_the_mean_of_its_members():
    model = fitted("ensemble", xgboost__max_depth=2)
    alone = [
        member.probability_up(fitted(name, **({"max_depth": 2} if name == "xgboost" else {})), DATA.X)
        for name, member in MEMBERS.items()
    ]
    np.testing.assert_array_equal(ESTIMATORS["ensemble"].probability_up(model, DATA.X), np.mean(alone, axis=0))


def test_the_scaler_of_logistic_regression_knows_the_rows_fitted_alone():
    scaler = fitted("logistic").named_steps["standardscaler"]
    np.testing.assert_allclose(scaler.mean_, StandardScaler().fit(DATA.X.astype(np.float64)).mean_)


@pytest.fixture
def fits(monkeypatch):
    """What XGBoost was given to fit on, and to stop by: row numbers, since the first feature is one."""
    seen, honest = [], XGBClassifier.fit

    def fit(self, X, y, *, eval_set=None, **more):
        seen.append((X[:, 0].astype(int).tolist(), [X[:, 0].astype(int).tolist() for X, _ in eval_set or []]))
        return honest(self, X, y, eval_set=eval_set, **more)

    monkeypatch.setattr(XGBClassifier, "fit", fit)
    return seen


@pytest.mark.parametrize("horizon", [1, 24])
def test_early_stopping_looks_at_the_newest_fifth_and_never_at_rows_beside_those_fitted(fits, horizon):
    kind, X = ESTIMATORS["xgboost"], np.hstack([np.arange(1_000)[:, np.newaxis], DATA.X[:1_000]]).astype(np.float32)
    params = kind.checked({"early_stopping_rounds": 5, "learning_rate": 0.3})
    model = kind.fit(X, DATA.y[:1_000], params, seed=7, horizon=horizon)
    (older, [newest]), (everything, stopped_by) = fits
    assert older == list(range(800 - horizon))
    assert newest == list(range(800, 1_000))
    assert (everything, stopped_by) == (list(range(1_000)), [])
    assert model.n_estimators < params["n_estimators"]


def test_early_stopping_on_rows_of_one_class_is_refused():
    kind, y = ESTIMATORS["xgboost"], np.where(np.arange(1_500) < 1_250, 1, DATA.y)
    with pytest.raises(Refused, match="early stopping is fitted on: all 1,199 went up") as refusal:
        kind.fit(DATA.X, y, kind.checked({"early_stopping_rounds": 5}), seed=7)
    assert refusal.value.code == "one_class"


@pytest.mark.real_data
@every_estimator
def test_defaults_make_a_file_small_enough_to_serve_of_four_years_of_hours(name, data_dir):
    close, volume = np.loadtxt(data_dir / "bitcoin_hourly.csv", delimiter=",", skiprows=1, usecols=(4, 5)).T
    dataset = build_dataset(series_of(close, volume), feature_set("technical"), horizon=1)
    kind = ESTIMATORS[name]
    model = kind.fit(dataset.X, dataset.y, kind.checked({}), seed=7)
    file = kind.to_onnx(model, dataset.X.shape[1])
    assert len(file) < site.ONNX_LIMIT / 2
    answers = OnnxClassifier.from_bytes(file).probability_up(dataset.X)
    refuse_disparity(kind.probability_up(model, dataset.X), answers)
