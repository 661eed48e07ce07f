"""Files that people bring: what becomes a version, and each reason for which one does not."""

import json
from io import BytesIO

import joblib
import numpy as np
import onnx
import pandas as pd
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command
from onnx import TensorProto, helper
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from xgboost import XGBClassifier

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from registry.bundles import GOLDEN, NATIVE, ONNX, REPORT, SIGNATURE, read_file, verify_bundle
from registry.models import ModelImport, ModelVersion
from registry.onnx_model import OnnxClassifier
from registry.uploads import queue_import
from tests.factories import constant_onnx, make_market, make_model
from training.features.feature_set import feature_set
from training.fitting import importing
from training.fitting.converting import probability_up
from training.fitting.probing import probe_rows
from training.fitting.tasks import import_model
from training.market_data.simulate import simulate_candles
from training.queueing import sweep

pytestmark = pytest.mark.django_db
CLASSIC = feature_set("classic").names
FLOAT = TensorProto.FLOAT


def dumped(held) -> bytes:
    buffer = BytesIO()
    joblib.dump(held, buffer)
    return buffer.getvalue()


def fitted(classifier, *, named=False, width=9, classes=(0, 1)):
    X = probe_rows(None, feature_set("classic"))[:300, :width]
    y = np.array(classes)[np.random.default_rng(0).integers(len(classes), size=len(X))]
    return classifier.fit(pd.DataFrame(X, columns=CLASSIC[:width]) if named else X, y)


def forest(**how):
    return fitted(RandomForestClassifier(5, max_depth=4, random_state=0), **how)


def classifier_onnx(*, intercepts=(0.0, 0.0), transform="SOFTMAX", rows=None, inputs=1, opset=18) -> bytes:
    node = helper.make_node(
        "LinearClassifier",
        ["X"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        classlabels_ints=list(range(len(intercepts))),
        coefficients=[0.0] * (9 * len(intercepts)),
        intercepts=list(intercepts),
        post_transform=transform,
    )
    names = ["X", "Y"][:inputs]
    graph = helper.make_graph(
        [node],
        "brought",
        [helper.make_tensor_value_info(name, FLOAT, [rows, 9]) for name in names],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, [rows]),
            helper.make_tensor_value_info("probabilities", FLOAT, [rows, len(intercepts)]),
        ],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    return model.SerializeToString()


def across_rows_onnx() -> bytes:
    """A softmax along the rows: an answer depends on the rows beside it."""
    nodes = [
        helper.make_node("Slice", ["X", "from", "to", "axis"], ["two"]),
        helper.make_node("Softmax", ["two"], ["probabilities"], axis=0),
    ]
    ends = [
        helper.make_tensor(name, TensorProto.INT64, [1], [at]) for name, at in [("from", 0), ("to", 2), ("axis", 1)]
    ]
    graph = helper.make_graph(
        nodes,
        "across",
        [helper.make_tensor_value_info("X", FLOAT, [None, 9])],
        [helper.make_tensor_value_info("probabilities", FLOAT, [None, 2])],
        ends,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return model.SerializeToString()


def bring(file: bytes, name="model.joblib", *, claimed=None, **facts) -> ModelImport:
    return queue_import(make_model(), name=name, data=file, actor="user:anna", claimed=claimed, trusted=True, **facts)


def imported(file: bytes, name="model.joblib", **facts) -> ModelVersion:
    """By the task, as a worker runs it. Raises what the import keeps."""
    brought = bring(file, name, **facts)
    import_model(brought.pk)
    brought.refresh_from_db()
    if brought.status == "refused":
        raise Refused(brought.error, code=brought.code)
    return brought.version


@pytest.mark.parametrize(
    "classifier",
    [
        RandomForestClassifier(5, max_depth=4),
        GradientBoostingClassifier(n_estimators=5),
        XGBClassifier(n_estimators=5, max_depth=2),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
    ids=lambda classifier: type(classifier).__name__,
)
@pytest.mark.parametrize("named", [False, True], ids=["array", "table"])
def test_the_version_answers_as_the_file_does(classifier, named):
    native = fitted(classifier, named=named)
    version = imported(dumped(native))
    X = probe_rows(None, feature_set("classic"))[:50]
    answers = OnnxClassifier.from_bytes(read_file(version.bundle, ONNX)).probability_up(X)
    np.testing.assert_allclose(answers, probability_up(native, X), atol=1e-5)
    assert version.feature_names == CLASSIC


def test_a_version_says_where_it_comes_from_and_that_its_data_is_unknown():
    version = imported(dumped(forest()), claimed={"accuracy": 0.9}, tags=["improved", "experiment"])
    assert (version.number, version.stage, version.created_by) == (1, "candidate", "user:anna")
    assert (version.estimator, version.params["n_estimators"]) == ("imported:RandomForestClassifier", 5)
    assert (version.claimed, version.tags, version.metrics) == ({"accuracy": 0.9}, ["experiment", "improved"], {})
    assert (version.data_start, version.data_end, version.data_sha256) == (None, None, "")
    assert version.environment["sklearn"]


def test_the_bundle_of_a_joblib_file_holds_it_beside_the_onnx_file():
    file = dumped(forest())
    version = imported(file)
    assert set(verify_bundle(version.bundle)) == {ONNX, NATIVE, SIGNATURE, GOLDEN, REPORT}
    assert read_file(version.bundle, NATIVE) == file
    parity = json.loads(read_file(version.bundle, REPORT))["parity"]
    assert parity["difference"] <= 1e-5
    assert parity["rows"] >= 100


def test_a_file_of_another_scikit_learn_is_marked_with_its_version(monkeypatch):
    monkeypatch.setattr("sklearn.base.__version__", "1.3.2")
    file = dumped(forest())
    monkeypatch.undo()
    assert imported(file).environment["fitted_with_sklearn"] == "1.3.2"


def test_the_same_file_makes_the_same_bundle():
    file = dumped(forest())
    assert imported(file).bundle == imported(file).bundle


def test_an_onnx_file_becomes_a_version_byte_for_byte():
    version = imported(constant_onnx(0.75), "model.onnx")
    assert read_file(version.bundle, ONNX) == constant_onnx(0.75)
    assert (version.estimator, NATIVE in verify_bundle(version.bundle)) == ("imported:ONNX", False)


@pytest.mark.parametrize(
    ("file", "name", "said"),
    [(dumped(forest()), "a.joblib", "agrees with the native"), (constant_onnx(0.6), "a.onnx", "there is no native")],
)
def test_check_bundle_knows_imported_versions(file, name, said, capsys):
    imported(file, name)
    call_command("check_bundle", "bitcoin-usd-1d", "1")
    assert said in capsys.readouterr().out


def test_a_market_with_candles_is_what_the_model_is_tried_on(set_clock):
    market = make_market(newest=now().replace(hour=0), candles=200)
    rows = probe_rows(market, feature_set("classic"))
    assert 100 <= rows[: len(rows) // 2, 0].min() <= rows[:, 0].max() <= 112  # its closes, and the same shuffled


def test_a_version_for_a_simulated_market_is_labelled_so():
    simulate_candles("demo-usd-1h", candles=300, seed=7)
    model = make_model()
    type(model).objects.filter(pk=model.pk).update(market="demo-usd-1h")
    brought = queue_import(model, name="a.onnx", data=constant_onnx(0.6), actor="user:anna")
    import_model(brought.pk)
    assert model.versions.get().simulated


def test_the_upload_is_gone_once_the_import_has_ended():
    brought = bring(dumped(forest()))
    assert storages["bundles"].exists(brought.upload)
    import_model(brought.pk)
    assert not storages["bundles"].exists(brought.upload)


@pytest.mark.parametrize(
    ("claimed", "chosen"),
    [
        ({"features": feature_set("technical").names}, "technical"),
        ({"feature_names": feature_set("technical").names}, "technical"),
        ({"feature_set": "technical"}, "technical"),
    ],
    ids=lambda claimed: next(iter(claimed)) if isinstance(claimed, dict) else claimed,
)
def test_the_metadata_names_the_features(claimed, chosen):
    width = len(feature_set(chosen).names)
    assert imported(constant_onnx(0.6, width), "a.onnx", claimed=claimed).feature_set == chosen


def test_nine_features_without_names_are_the_classic_ones():
    assert imported(constant_onnx(0.6, 9), "a.onnx").feature_names == CLASSIC


SWAPPED = [CLASSIC[1], CLASSIC[0], *CLASSIC[2:]]


@pytest.mark.parametrize(
    ("width", "claimed", "code", "said"),
    [
        (9, {"features": [*CLASSIC[:-1], "tweets"]}, "unknown_feature", "knows 'tweets'"),
        (9, {"features": [*CLASSIC[:-1], "price_lag7"]}, "unknown_feature", r"did you mean 'price_lag_7'\?"),
        (
            9,
            {"features": SWAPPED},
            "no_such_feature_set",
            f"classic, whose feature 1 is {CLASSIC[0]}, not {CLASSIC[1]}",
        ),
        (8, {"features": CLASSIC[:-1]}, "no_such_feature_set", "classic, which has price_lag_7 besides"),
        (10, {"features": [*CLASSIC, "price"]}, "no_such_feature_set", "classic, which names each once"),
        (8, {"features": CLASSIC}, "wrong_width", "takes 8 features and classic has 9"),
        (7, {}, "wrong_width", "takes 7 features and classic has 9"),
        (9, {"feature_set": "magic"}, "unknown_feature_set", "no feature set 'magic'"),
        (9, {"features": 9}, "invalid_features", "give their names"),
        (9, {"features": []}, "invalid_features", "give their names"),
    ],
)
def test_features_that_do_not_fit_are_refused_by_name(width, claimed, code, said):
    with pytest.raises(Refused, match=said) as refused:
        imported(constant_onnx(0.6, width), "a.onnx", claimed=claimed)
    assert refused.value.code == code
    assert not ModelVersion.objects.exists()


def test_names_that_the_model_remembers_otherwise_are_refused():
    with pytest.raises(Refused, match="the model was fitted on") as refused:
        imported(dumped(forest(named=True)), claimed={"features": SWAPPED})
    assert refused.value.code == "features_disagree"


class Grenade:
    """A pickle that raises when it is opened."""

    def __reduce__(self):
        return (int, ("not a number",))


@pytest.mark.parametrize(
    ("held", "code", "said"),
    [
        ({"model": 1, "scaler": 2}, "not_a_classifier", r"a dict \(model, scaler\), not a model: .*Pipeline"),
        ([1, 2], "not_a_classifier", "a list, not a classifier"),
        (RandomForestClassifier, "not_a_classifier", "a ABCMeta, not a classifier"),
        (fitted(RandomForestRegressor(2)), "not_a_classifier", "a RandomForestRegressor, not a classifier"),
        (StandardScaler(), "not_a_classifier", "a StandardScaler, not a classifier"),
        (RandomForestClassifier(), "not_a_classifier", "a RandomForestClassifier that was never fitted"),
        (XGBClassifier(), "not_a_classifier", "a XGBClassifier that was never fitted"),
        (fitted(LinearSVC()), "not_a_classifier", "a LinearSVC that gives no probabilities"),
        (forest(classes=(0, 1, 2)), "not_a_classifier", "classes 0, 1, 2"),
        (forest(classes=("buy", "sell")), "not_a_classifier", "classes 'buy', 'sell'"),
        (fitted(DummyClassifier()), "unknown_estimator", "no ONNX converter for DummyClassifier"),
        (Grenade(), "unreadable_model", "does not open here: ValueError: invalid literal"),
    ],
)
def test_a_joblib_file_that_holds_no_servable_classifier_is_refused_by_type(held, code, said):
    with pytest.raises(Refused, match=said) as refused:
        imported(dumped(held))
    assert refused.value.code == code


@pytest.mark.parametrize("file", [dumped(forest())[:700], b"not a pickle", constant_onnx(0.6)])
def test_a_joblib_file_that_is_cut_short_or_something_else_is_refused(file):
    with pytest.raises(Refused, match="does not open here") as refused:
        imported(file)
    assert refused.value.code == "unreadable_model"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (constant_onnx(0.6)[:200], "does not load"),
        (dumped(forest()), "does not load"),
        (classifier_onnx(opset=99), "[Oo]pset 99"),
        (classifier_onnx(inputs=2), "one float input .* X tensor.float. .*, Y tensor"),
        (classifier_onnx(rows=1), "one float input of shape .rows, features."),
        (classifier_onnx(intercepts=(0.0, 0.0, 0.0)), "one float output of shape .rows, 2."),
        (classifier_onnx(intercepts=(0.0, float("nan"))), r"answers \d+ of \d+ rows with something that is not finite"),
        (
            classifier_onnx(intercepts=(-3.0, 3.5), transform="NONE"),
            "answers from .* to 3.5, outside of a probability's 0 to 1",
        ),
        (across_rows_onnx(), "otherwise when other rows stand beside it"),
    ],
    ids=["cut", "pickle", "opset", "inputs", "fixed_rows", "three_classes", "nan", "logits", "across_rows"],
)
def test_an_onnx_file_that_cannot_answer_is_refused_with_the_reason(file, said):
    with pytest.raises(Refused, match=said) as refused:
        imported(file, "model.onnx", claimed={"feature_set": "classic"})
    assert refused.value.code == "invalid_model"
    assert not ModelVersion.objects.exists()


def test_a_model_that_onnx_answers_otherwise_is_refused(monkeypatch):
    monkeypatch.setattr(importing, "to_onnx", lambda opened, width: constant_onnx(0.6, width))
    with pytest.raises(Refused, match="away from the fitted model's") as refused:
        imported(dumped(forest()))
    assert refused.value.code == "parity_failed"


def test_a_model_too_large_for_serving_is_refused(settings):
    settings.ONNX_LIMIT = 1_000
    with pytest.raises(Refused, match="1,000 are allowed"):
        imported(dumped(forest()))


def test_an_upload_that_was_altered_in_between_is_refused():
    brought = bring(constant_onnx(0.6), "a.onnx")
    storages["bundles"].delete(brought.upload)
    storages["bundles"].save(brought.upload, ContentFile(constant_onnx(0.7)))
    import_model(brought.pk)
    brought.refresh_from_db()
    assert (brought.status, brought.code) == ("refused", "upload_altered")


def test_an_import_delivered_twice_makes_one_version():
    brought = bring(constant_onnx(0.6), "a.onnx")
    import_model(brought.pk)
    import_model(brought.pk)
    assert ModelVersion.objects.count() == 1


def test_a_failure_that_nobody_expected_is_kept_and_raised(monkeypatch):
    monkeypatch.setattr(importing, "from_onnx", lambda *_: 1 / 0)
    brought = bring(constant_onnx(0.6), "a.onnx")
    with pytest.raises(ZeroDivisionError):
        import_model(brought.pk)
    brought.refresh_from_db()
    assert (brought.status, brought.error) == ("refused", "ZeroDivisionError: division by zero")


@pytest.fixture
def sent(monkeypatch):
    told = []
    monkeypatch.setattr("training.queueing.current_app.send_task", lambda name, args: told.append((name, *args)))
    return told


def test_an_import_whose_worker_was_killed_is_sent_again(set_clock, sent):
    brought = bring(constant_onnx(0.6), "a.onnx")
    brought.claim()
    set_clock("2026-11-23T10:09:00Z")
    assert sweep() == 0
    set_clock("2026-11-23T10:11:00Z")
    sweep()
    assert sent == [("training.import_model", brought.pk)]
    import_model(brought.pk)
    assert ModelVersion.objects.count() == 1


def test_an_import_that_kills_its_worker_three_times_is_refused(set_clock, sent):
    brought = bring(constant_onnx(0.6), "a.onnx")
    for minute in (0, 11, 22, 33):
        set_clock(f"2026-11-23T10:{minute:02}:00Z")
        sweep()
        brought.claim()
    brought.refresh_from_db()
    assert (brought.status, brought.code, brought.attempts) == ("refused", "worker_killed", 3)


def test_a_worker_that_was_given_up_registers_nothing(set_clock, sent):
    slow = bring(constant_onnx(0.6), "a.onnx")
    slow.claim()
    set_clock("2026-11-23T10:11:00Z")
    sweep()
    ModelImport.objects.get(pk=slow.pk).claim()
    with pytest.raises(Refused, match="given to another worker"):
        importing.import_model(slow)
    assert not ModelVersion.objects.exists()
