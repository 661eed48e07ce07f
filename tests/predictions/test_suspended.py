"""A suspended model says nothing, wherever it is asked, and everybody is told who suspended it."""

import pytest

from predictions import state
from predictions.engine import Engine, engine
from predictions.forecasting import forecast_closes
from predictions.keyring import KeyRing, keyring
from predictions.models import Forecast, MissedForecast, Prediction
from registry.models import RegisteredModel
from tests.factories import make_version
from tests.predictions.test_short_lane import in_the_short_lane
from training.features.classic import EXAMPLE
from training.market_data.simulate import simulate_candles

WHO = {"actor": "user:anna", "reason": "the exchange is down"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo(set_clock):
    """The demo market up to now, its model in production, suspended after the first forecast."""
    set_clock("2026-06-01T12:00:10Z")
    simulate_candles("demo-usd-1m", candles=60, seed=7)
    model = RegisteredModel.objects.named("demo-usd-1m")
    model.make_default()
    make_version(model=model, simulated=True).promote(actor="user:o", reason="first")
    make_version(model=model, simulated=True).to_staging(actor="user:o", reason="a try")
    forecast_closes()
    model.suspend(**WHO)
    engine.refresh()
    return model


ASKED = [
    ("/predict", EXAMPLE),
    ("/predict", {"market": "demo-usd-1m"}),
    ("/predict", {"model": "demo-usd-1m", "features": EXAMPLE}),
    ("/predict", {"features": EXAMPLE, "version": 2}),
    ("/predict/batch", {"rows": [list(EXAMPLE.values())]}),
]


@pytest.mark.parametrize(("path", "body"), ASKED)
def test_every_question_is_refused_with_who_suspended_it_and_why(demo, client, path, body):
    before = Prediction.objects.count()
    response = client.post(path, body, format="json")
    [error] = response.json()["errors"]
    assert (response.status_code, error["code"], error["attr"]) == (503, "model_suspended", "model")
    assert "user:anna suspended the model at version 1" in error["detail"]
    assert "“the exchange is down”" in error["detail"]
    assert Prediction.objects.count() == before


def test_the_short_lane_refuses_too(demo, client):
    body = b'{"market": "demo-usd-1m"}'
    status, _, said = in_the_short_lane(body, HTTP_X_API_KEY=client.secret)
    assert (status, said["errors"][0]["code"]) == (503, "model_suspended")


def test_the_newest_forecast_is_not_given_either(demo, client):
    response = client.get("/forecasts/latest?market=demo-usd-1m")
    assert (response.status_code, response.json()["errors"][0]["code"]) == (503, "model_suspended")


def test_no_forecast_is_made_and_the_missing_one_is_said_with_the_reason(demo, set_clock):
    set_clock("2026-06-01T12:01:10Z")
    simulate_candles("demo-usd-1m", candles=1, seed=7)
    assert forecast_closes().made == 0
    assert Forecast.objects.count() == 1
    assert "the exchange is down" in MissedForecast.objects.get().reason


def test_resumed_it_answers_again(demo, client):
    demo.resume(actor="user:anna", reason="it is up")
    engine.refresh()
    assert client.post("/predict", EXAMPLE, format="json").status_code == 200


def test_a_process_that_starts_without_postgres_knows_it(demo, client, settings, tmp_path):
    settings.STATE_DIR = tmp_path
    keyring.load()
    state.save(engine.snapshot, keyring)
    began = Engine()
    assert state.restore(began, KeyRing())
    assert "the exchange is down" in began.snapshot.suspended["demo-usd-1m"]


def test_another_model_goes_on(demo, client):
    make_version().promote(actor="user:o", reason="first")
    engine.refresh()
    body = {"model": "bitcoin-usd-1d", "features": EXAMPLE}
    assert client.post("/predict", body, format="json").status_code == 200
