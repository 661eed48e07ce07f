"""One battery that every estimator passes, present and future."""

from io import BytesIO

import joblib
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cryptoml_site.errors import Invalid, Unknown
from registry.onnx_model import OnnxClassifier
from tests.training.planted import planted
from training.fitting.estimators import ESTIMATORS, estimator_named, random_forest
from training.fitting.parity import refuse_disparity

DATA = planted(1_500, signal=0.3, width=4)
FLOAT32 = arrays(np.float32, (20, 4), elements=st.floats(-4, 4, width=32))
every_estimator = pytest.mark.parametrize("name", ESTIMATORS)


def small(name):
    """Parameters of a quick model of this kind."""
    asked = {"n_estimators": 20, "min_samples_leaf": 20}
    return {key: value for key, value in asked.items() if key in ESTIMATORS[name].parameters}


def fitted(name, *, data=DATA, seed=7):
    kind = ESTIMATORS[name]
    return kind.fit(data.X, data.y, kind.checked(small(name)), seed=seed)


@pytest.fixture(scope="module", params=ESTIMATORS)
def exported(request):
    """(estimator, native model, ONNX file)."""
    kind, model = ESTIMATORS[request.param], fitted(request.param)
    return kind, model, kind.to_onnx(model, 4)


def split_rows(file):
    """Rows that lie exactly on each split of an ONNX tree ensemble, or one float32 step beside it."""
    nodes = [node for node in onnx.load_from_string(file).graph.node if node.op_type == "TreeEnsembleClassifier"]
    found = {entry.name: entry for node in nodes for entry in node.attribute}
    values = np.array(found["nodes_values"].floats, dtype=np.float32) if nodes else np.empty(0, np.float32)
    rows = np.random.default_rng(0).normal(size=(len(values), 4)).astype(np.float32)
    if nodes:
        rows[np.arange(len(values)), list(found["nodes_featureids"].ints)] = values
    infinity = np.float32(np.inf)
    return np.concatenate([rows, np.nextafter(rows, infinity), np.nextafter(rows, -infinity)])


@settings(max_examples=30, deadline=None)
@given(X=FLOAT32)
def test_onnx_answers_as_the_native_model_on_any_float32_row(exported, X):
    kind, model, file = exported
    refuse_disparity(kind.probability_up(model, X), OnnxClassifier.from_bytes(file).probability_up(X))


def test_onnx_answers_as_the_native_model_at_every_split(exported):
    kind, model, file = exported
    X = split_rows(file)
    refuse_disparity(kind.probability_up(model, X), OnnxClassifier.from_bytes(file).probability_up(X))


def test_a_row_gets_the_same_bits_alone_and_in_a_batch(exported):
    classifier = OnnxClassifier.from_bytes(exported[2])
    alone = [classifier.probability_up(DATA.X[row : row + 1]) for row in range(500)]
    assert np.concatenate(alone).tobytes() == classifier.probability_up(DATA.X[:500]).tobytes()


def test_the_native_model_gives_the_same_bits_every_time(exported):
    kind, model, _ = exported
    assert len({kind.probability_up(model, DATA.X).tobytes() for _ in range(20)}) == 1


def test_the_native_model_survives_joblib(exported):
    kind, model, _ = exported
    buffer = BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    again = kind.probability_up(joblib.load(buffer), DATA.X)
    np.testing.assert_array_equal(again, kind.probability_up(model, DATA.X))


@every_estimator
def test_two_fits_give_the_same_file_and_another_seed_another(name):
    first, again, other = (ESTIMATORS[name].to_onnx(fitted(name, seed=seed), 4) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_a_forest_is_the_same_whatever_the_cores(monkeypatch):
    many = fitted("random_forest")
    monkeypatch.setattr(random_forest, "ALL_CORES", 1)
    kind = ESTIMATORS["random_forest"]
    assert kind.to_onnx(many, 4) == kind.to_onnx(fitted("random_forest"), 4)


@every_estimator
def test_a_planted_signal_is_learnt(name):
    later = planted(1_000, signal=0.6, width=4, seed=1)
    model = fitted(name, data=planted(1_500, signal=0.6, width=4))
    called = ESTIMATORS[name].probability_up(model, later.X) >= 0.5
    assert (called == later.y).mean() > 0.6  # who knew the planted part would reach .70


@every_estimator
def test_defaults_lie_within_their_own_ranges(name):
    kind = ESTIMATORS[name]
    assert kind.checked({}) == {key: parameter.default for key, parameter in kind.parameters.items()}


@every_estimator
def test_an_unknown_parameter_is_refused_by_name(name):
    with pytest.raises(Invalid, match="no parameter 'depht'") as refusal:
        ESTIMATORS[name].checked({"depht": 3})
    assert (refusal.value.code, refusal.value.field) == ("unknown_parameter", "params.depht")


@every_estimator
@pytest.mark.parametrize("value", [0, 10**9, 2.5, "20", None, True, float("nan")])
def test_a_value_out_of_range_or_of_another_type_is_refused(name, value):
    parameter = next(iter(ESTIMATORS[name].parameters))
    with pytest.raises(Invalid, match="from 1 to") as refusal:
        ESTIMATORS[name].checked({parameter: value})
    assert refusal.value.code == "invalid_parameter"


def test_a_whole_number_is_taken_where_a_fraction_is_asked_for():
    assert isinstance(ESTIMATORS["xgboost"].checked({"subsample": 1})["subsample"], float)


def test_an_unknown_estimator_is_refused_and_told_which_there_are():
    with pytest.raises(Unknown, match="random_forest, xgboost") as refusal:
        estimator_named("oracle")
    assert (refusal.value.code, refusal.value.field) == ("unknown_estimator", "estimator")
