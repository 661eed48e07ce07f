"""The main job on real candles: load, train, promote, answer, and the number checked against the native model."""

from io import BytesIO

import joblib
import numpy as np
import pytest

from predictions.engine import engine
from predictions.models import Prediction, Scope
from registry.bundles import NATIVE, read_file
from registry.models import RegisteredModel
from tests.predictions.conftest import client_with
from training.fitting.estimators import estimator_named
from training.learning import learn, queue_run
from training.market_data.load import load_candles
from training.models import Market

pytestmark = [pytest.mark.django_db, pytest.mark.real_data]

MARKETS = [
    ("bitcoin-usd-1d", "bitcoin_daily.csv", "classic", "2026-01-30T00:00:00Z"),
    ("bitcoin-usd-1h", "bitcoin_hourly.csv", "technical", "2026-06-29T07:00:00Z"),
]


@pytest.mark.parametrize(("name", "file", "features", "newest"), MARKETS)
def test_a_market_is_loaded_trained_promoted_and_answers_with_the_native_models_number(
    data_dir, name, file, features, newest
):
    load_candles(name, data_dir / file)
    model = RegisteredModel.objects.named(name)
    market = Market.objects.named(name)
    run = queue_run(market=market, model=model, feature_set=features, estimator="xgboost", actor="user:anna")
    version = learn(run, progress=lambda *_: None)
    assert version.metrics["metrics"]["accuracy"]["value"] < 0.57, "look for the leak"
    version.promote(actor="user:anna", reason="first", override=True)
    engine.refresh()

    client = client_with(Scope.values)
    stale = client.post("/predict", {"market": name}, format="json")
    assert (stale.status_code, stale.json()["errors"][0]["code"]) == (409, "stale_candles")
    answer = client.post("/predict", {"market": name, "as_of": newest}, format="json").json()
    vector = np.array([Prediction.objects.get(id=answer["id"]).vector], dtype=np.float32)
    native = joblib.load(BytesIO(read_file(version.bundle, NATIVE)))
    [expected] = estimator_named("xgboost").probability_up(native, vector)
    assert answer["probability_up"] == pytest.approx(float(expected), abs=1e-5)
