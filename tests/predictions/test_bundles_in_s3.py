"""Bundles in a bucket: a version's whole life there, and what is served while the bucket is away."""

import os
import subprocess
import sys
import time

import pytest
from django.core.files.storage import storages

from cryptoml_site.embedded.home import SITE
from predictions.engine import Engine, engine
from registry.bundles import ONNX, BundleAltered, BundleAway, read_file, verify_bundle, write_bundle
from registry.models import ModelVersion, RegisteredModel
from registry.uploads import discard_upload, queue_import, read_upload
from tests.factories import constant_onnx, make_model, make_version
from tests.registry.bucket import bucket, silent_server
from training.learning import learn, queue_run
from training.market_data.simulate import simulate_candles
from training.models import Market

WHO = {"actor": "user:owner", "reason": "tried"}
EXAMPLE = dict.fromkeys(
    ("price", "price_ma_7", "price_ma_30", "price_lag_1", "price_lag_3", "price_lag_7"), 45_000.0
) | {"price_change": 0.02, "price_std_7": 1_200.0, "volume_ma_7": 2.5e10}

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("s3")]


@pytest.fixture(scope="module")
def s3():
    with bucket() as made:
        yield made


@pytest.fixture
def in_s3(s3, settings):
    settings.STORAGES = s3.storages(settings)
    yield s3
    s3.empty()


@pytest.fixture
def s3_goes_away(in_s3, settings):
    """From then on it takes requests and answers none."""
    with silent_server() as endpoint:

        def go():
            settings.STORAGES = in_s3.storages(settings, endpoint_url=endpoint, read_seconds=0.3)

        yield go


def trained(name="demo-usd-1h", **facts):
    recipe = {"estimator": "xgboost", "feature_set": "classic", "actor": "user:anna", "folds": 3}
    model = RegisteredModel.objects.of_market(name)
    run = queue_run(market=Market.objects.named(name), model=model, params={"n_estimators": 10}, **recipe | facts)
    return learn(run, progress=lambda *_: None)


def test_a_version_lives_in_a_bucket_from_training_to_purging(in_s3, client):
    simulate_candles("demo-usd-1h", candles=1_500, seed=7, signal=0.3)
    first, second, third = trained(), trained(seed=2), trained(seed=3)
    assert all(name.startswith("models/") for name in in_s3.names())
    first.model.make_default()
    answered = []
    for move in (
        lambda: first.promote(**WHO, override=True),
        lambda: second.promote(**WHO, override=True),
        lambda: first.model.rollback(**WHO),
    ):
        move()
        engine.refresh()
        answer = client.post("/predict", EXAMPLE, format="json")
        assert answer.status_code == 200, answer.content
        answered.append(answer.json()["version"])
    assert answered == [1, 2, 1]
    third.to_archive(**WHO)
    third.purge(**WHO)
    assert [name for name in in_s3.names() if third.bundle in name] == []
    assert verify_bundle(first.bundle)
    assert verify_bundle(second.bundle)


def test_the_same_content_is_written_once(in_s3, monkeypatch):
    write_bundle({"report.json": b"{}"})
    monkeypatch.setattr(type(storages["bundles"]), "_save", lambda *_: pytest.fail("written again"))
    write_bundle({"report.json": b"{}"})


def test_one_altered_byte_in_the_bucket_is_noticed(in_s3):
    bundle = write_bundle({"report.json": b"{}"})
    in_s3.write(f"models/{bundle[:2]}/{bundle}/report.json", b"[]")
    with pytest.raises(BundleAltered, match=r"report\.json has sha256"):
        verify_bundle(bundle)


def test_what_is_not_in_the_bucket_is_said_to_be_missing(in_s3):
    with pytest.raises(BundleAltered, match="not in the bucket cryptoml-tests"):
        verify_bundle("f" * 64)


def test_two_uploads_of_the_same_bytes_are_two_files(in_s3):
    model = make_model()
    one, two = (queue_import(model, name="a.onnx", data=constant_onnx(0.7), actor="user:a") for _ in range(2))
    type(one).objects.filter(pk=one.pk).update(status="refused", error="tried", code="tried")
    one.refresh_from_db()
    discard_upload(one)
    assert read_upload(two) == constant_onnx(0.7)


def test_what_is_served_stays_served_while_the_bucket_is_away(s3_goes_away, client):
    served = make_version(probability_up=0.75)
    newer = make_version(model=served.model, probability_up=0.65)
    served.promote(**WHO)
    engine.refresh()
    newer.promote(**WHO)
    s3_goes_away()
    engine.refresh()
    answer = client.post("/predict", EXAMPLE, format="json")
    assert (answer.status_code, answer.json()["version"]) == (200, 1)
    assert "does not answer" in engine.snapshot.problems[served.model.name]
    assert "does not answer" in " ".join(client.get("/health").json()["degraded"])


def test_it_is_served_once_the_bucket_is_back(in_s3, settings, monkeypatch):
    version = make_version()
    version.promote(**WHO)
    process = Engine()
    with silent_server() as endpoint:
        settings.STORAGES = in_s3.storages(settings, endpoint_url=endpoint, read_seconds=0.2)
        assert process.refresh().serving == {}
    settings.STORAGES = in_s3.storages(settings)
    monkeypatch.setattr(process, "_retry_at", 0.0)
    assert process.refresh().serving[version.model.name].version.number == 1


def test_whoever_loads_many_waits_for_the_bucket_once(s3_goes_away):
    bundles = [write_bundle({"report.json": str(number).encode()}) for number in range(20)]
    s3_goes_away()
    began = time.monotonic()
    for bundle in bundles:
        with pytest.raises(BundleAway, match="does not answer"):
            read_file(bundle, ONNX)
    assert time.monotonic() - began < 4


def test_a_purge_that_the_bucket_does_not_hear_says_what_is_left(s3_goes_away):
    version = make_version()
    version.to_archive(**WHO)
    s3_goes_away()
    with pytest.raises(BundleAway, match=r"is purged, but its files could not be deleted"):
        version.purge(**WHO)
    assert ModelVersion.objects.get(pk=version.pk).purged_at


@pytest.mark.parametrize(("url", "imported"), [("", "False"), ("s3://models/live", "True")])
def test_a_web_process_imports_boto3_only_where_bundles_are_in_a_bucket(url, imported):
    asks = (
        "import sys, cryptoml_site.wsgi; from django.core.files.storage import storages; storages['bundles']; "
        "print('boto3' in sys.modules)"
    )
    told = {"BUNDLES_URL": url, "BUNDLES_REGION": "eu-central-1", "DJANGO_SETTINGS_MODULE": "cryptoml_site.settings"}
    done = subprocess.run(
        [sys.executable, "-c", asks], env={**os.environ, **told}, cwd=SITE, capture_output=True, text=True
    )
    assert done.stdout.strip() == imported, done.stderr
