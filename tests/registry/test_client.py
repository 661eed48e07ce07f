"""The registry's Python face: what a notebook does, and what it is told when it may not."""

from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import joblib
import numpy as np
import pytest
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import connection
from sklearn.ensemble import RandomForestClassifier

from cryptoml_site.errors import Invalid, Refused, Unavailable, Unknown
from registry.client import ModelRegistry
from registry.gates import GateRefused
from registry.models import Deployment, ModelImport
from registry.uploads import queue_import
from tests.factories import constant_onnx, make_model, make_version
from training.fitting.tasks import import_model

WHY = {"actor": "user:anna", "reason": "a test"}


@pytest.fixture
def worker(monkeypatch):
    """Each task that is sent, once it is committed, runs in another thread and on another connection."""

    def run(name, args):
        assert name == "training.import_model"
        try:
            import_model(*args)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr("registry.uploads.current_app.send_task", lambda *message: pool.submit(run, *message))
        yield


@pytest.fixture
def model_file(tmp_path):
    X = np.random.default_rng(0).normal(size=(100, 9))
    joblib.dump(RandomForestClassifier(5).fit(X, X[:, 0] > 0), tmp_path / "model_new.joblib")
    return str(tmp_path / "model_new.joblib")


@pytest.mark.django_db(transaction=True)
def test_the_classic_sample_runs(worker, model_file):
    make_version().promote(**WHY)
    metadata = {"accuracy": np.float64(0.72), "features": make_version().feature_names, "rows": np.int64(100)}
    registry = ModelRegistry(model="bitcoin-usd-1d", actor="user:anna", reason="better", trusted=True)
    version_id = registry.register_model(model_file, metadata, tags=["experiment", "improved"])
    registry.promote_to_staging(version_id)
    registry.promote_to_production(version_id, override=True)
    assert (type(version_id), registry.model.versions.in_production().get().number) == (int, version_id)
    assert registry.list_models()[0]["tags"] == ["experiment", "improved"]
    registry.rollback_production()
    assert registry.model.versions.in_production().get().number == 1


@pytest.mark.django_db(transaction=True)
def test_what_the_worker_refuses_is_raised_with_its_sentence_and_code(worker, model_file):
    make_model()
    registry = ModelRegistry(trusted=True, **WHY)
    with pytest.raises(Refused, match="no feature set knows 'tweets'") as refused:
        registry.register_model(model_file, {"features": ["tweets"]})
    assert refused.value.code == "unknown_feature"


@pytest.mark.django_db(transaction=True)
def test_without_a_worker_the_client_says_where_to_look(monkeypatch, model_file):
    make_model()
    monkeypatch.setattr("registry.uploads.current_app.send_task", lambda *message: None)
    with pytest.raises(Unavailable, match=r"is still queued after 0\.1 s: is a worker of the queue 'training'"):
        ModelRegistry(trusted=True, **WHY).register_model(model_file, timeout=0.1)


@pytest.mark.django_db(transaction=True)
def test_the_broker_may_be_away_the_import_waits_for_the_sweep(monkeypatch, model_file):
    def away(*message):
        raise ConnectionError("no broker")

    make_model()
    monkeypatch.setattr("registry.uploads.current_app.send_task", away)
    with pytest.raises(Unavailable, match="still queued"):
        ModelRegistry(trusted=True, **WHY).register_model(model_file, timeout=0.1)
    assert list(ModelImport.objects.queued())


@pytest.mark.django_db(transaction=True)
def test_untrusted_joblib_is_refused_before_anything_is_stored(model_file):
    make_model()
    with pytest.raises(Refused, match="say trusted=True") as refused:
        ModelRegistry(**WHY).register_model(model_file)
    assert refused.value.code == "untrusted_pickle"
    assert not ModelImport.objects.exists()
    assert not storages["bundles"].exists("uploads")


@pytest.mark.django_db(transaction=True)
def test_the_command_registers_an_onnx_file(worker, tmp_path):
    make_model()
    (tmp_path / "model.onnx").write_bytes(constant_onnx(0.6))
    (tmp_path / "metadata.json").write_text('{"accuracy": 0.9}')
    said = StringIO()
    options = ["--metadata", str(tmp_path / "metadata.json"), "--tag", "first"]
    call_command("register_model", "bitcoin-usd-1d", str(tmp_path / "model.onnx"), *options, stdout=said)
    assert "bitcoin-usd-1d version 1 is a candidate" in said.getvalue()
    assert ModelRegistry().list_models()[0]["claimed"] == {"accuracy": 0.9}


@pytest.mark.django_db
def test_a_claimed_accuracy_feeds_no_gate():
    make_version(metrics={}, claimed={"accuracy": 0.99})
    registry = ModelRegistry(**WHY)
    with pytest.raises(GateRefused, match="0 walk-forward predictions, 1,000 are needed"):
        registry.promote_to_production(1)
    registry.promote_to_production(1, override=True)
    assert Deployment.objects.latest("generation").evidence["overridden"]


@pytest.mark.django_db
def test_versions_are_listed_newest_first_with_what_is_claimed_apart_from_what_was_measured():
    make_version()
    make_version(metrics={}, claimed={"accuracy": 0.99})
    listed = ModelRegistry().list_models()
    assert [row["version"] for row in listed] == [2, 1]
    assert [row["accuracy"] for row in listed] == [None, 0.55]
    assert listed[0]["claimed"] == {"accuracy": 0.99}


@pytest.mark.django_db
def test_compare_puts_the_figures_of_two_versions_side_by_side():
    make_version()
    make_version(metrics={})
    compared = ModelRegistry().compare(1, 2)
    assert compared["accuracy"] == {1: 0.55, 2: None}
    assert compared["stage"] == {1: "candidate", 2: "candidate"}
    with pytest.raises(Unknown, match="no version 7"):
        ModelRegistry().compare(1, 7)


@pytest.mark.django_db
def test_the_actor_and_the_reason_are_kept_in_the_ledger():
    make_version()
    moved = ModelRegistry(**WHY).promote_to_staging(1, reason="this very call's")
    assert (moved.actor, moved.reason) == ("user:anna", "this very call's")
    moved = ModelRegistry(reason="the client's").promote_to_production(1)
    assert (moved.actor.partition(":")[0], moved.reason) == ("command", "the client's")


@pytest.mark.django_db
@pytest.mark.parametrize("move", ["promote_to_staging", "promote_to_production"])
def test_a_move_without_a_reason_is_refused(move):
    make_version()
    with pytest.raises(Invalid, match="say reason=") as refused:
        getattr(ModelRegistry(), move)(1)
    assert (refused.value.code, Deployment.objects.count()) == ("missing_reason", 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"model": "none"}, "no model is called 'none'"),
        ({}, "there is no default model"),
        ({"actor": "anna"}, "'anna' is no actor: write 'user:anna'"),
    ],
)
def test_what_the_client_is_made_with_is_checked_at_once(asked, said):
    with pytest.raises(Refused, match=said):
        ModelRegistry(**asked)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"name": "model.h5"}, "model.h5 is none of .onnx, .joblib"),
        ({"data": b""}, "is empty"),
        ({"tags": "experiment"}, "tags are a list of words"),
        ({"tags": ["a" * 65]}, "over 64 letters"),
        ({"claimed": {"accuracy": float("nan")}}, "metadata is kept as JSON"),
        ({"claimed": {"model": object()}}, "metadata is kept as JSON: a object is none"),
        ({"claimed": {"note": "\0"}}, "NUL"),
    ],
)
def test_what_cannot_be_brought_is_refused_before_anything_is_stored(facts, said):
    usual = {"name": "a.onnx", "data": b"bytes", "actor": "user:anna"}
    with pytest.raises(Refused, match=said):
        queue_import(make_model(), **usual | facts)
    assert not ModelImport.objects.exists()
    assert not storages["bundles"].exists("uploads")


@pytest.mark.django_db
def test_a_transaction_that_a_worker_cannot_see_into_is_refused(model_file):
    make_model()
    with pytest.raises(Refused, match="register outside of it"):
        ModelRegistry(trusted=True).register_model(model_file)


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_not_there_is_named():
    make_model()
    with pytest.raises(Invalid, match=r"models/absent\.onnx cannot be read: No such file"):
        ModelRegistry(**WHY).register_model("models/absent.onnx")


@pytest.mark.django_db
def test_metadata_may_hold_what_numpy_gives():
    claimed = {"features": np.array(["price"]), "rows": np.int64(7)}
    brought = queue_import(make_model(), name="a.onnx", data=b"x", actor="user:anna", claimed=claimed)
    assert brought.claimed == {"features": ["price"], "rows": 7}
