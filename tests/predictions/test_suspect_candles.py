"""A window with a candle that is not believed gives no answer; what was answered before it was marked is explained."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from predictions.engine import engine
from predictions.forecasting import forecast_closes
from predictions.from_candles import FromCandlesClass
from predictions.models import MissedForecast, Prediction
from predictions.replay import ReplayClass, replay, replay_log
from registry.models import RegisteredModel
from tests.factories import make_market, make_version
from tests.predictions.answered import ask_for
from tests.predictions.conftest import client_with
from tests.predictions.test_short_lane import in_the_short_lane
from training.market_data.parsed import ParsedCandle
from training.market_data.store import store_candles
from training.models import Outcome

pytestmark = pytest.mark.django_db
NEWEST = datetime(2026, 11, 22, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS = 140
BODY = {"market": "bitcoin-usd-1d"}


def daily_candles(*, leap_at=None):
    """Ascending, the last one of NEWEST."""
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(scale=0.01, size=DAYS)))
    if leap_at is not None:
        closes[(leap_at - NEWEST) // DAY - 1] *= 3
    moments = [NEWEST - (DAYS - 1 - place) * DAY for place in range(DAYS)]
    rows = zip(moments, closes.tolist(), strict=True)
    return [ParsedCandle(at, None, None, None, close, volume=5.0, market_cap=None) for at, close in rows]


@pytest.fixture
def market(production, set_clock):
    """Fresh, and empty."""
    return make_market()


def refusal(response):
    return response.status_code, response.json()["errors"][0]["code"]


def test_an_outlier_in_the_newest_window_is_refused_by_name_and_with_what_to_do(client, market):
    store_candles(market, daily_candles(leap_at=NEWEST - 3 * DAY))
    response = client.post("/predict", BODY, format="json")
    assert refusal(response) == (409, "suspect_candle")
    [problem] = response.json()["errors"]
    assert "the one opened at 2026-11-19T00:00:00Z is suspect" in problem["detail"]
    assert "manage.py check_candles" in problem["detail"]
    assert response.json()["evidence"]["suspect"] == ["2026-11-19T00:00:00Z"]
    assert not Prediction.objects.exists()


def test_the_short_lane_refuses_it_in_the_same_words(client, market):
    store_candles(market, daily_candles(leap_at=NEWEST - 3 * DAY))
    status, _, body = in_the_short_lane(json.dumps(BODY).encode(), HTTP_X_API_KEY=client.secret)
    drfs = client.post("/predict", BODY, format="json")
    assert (status, body) == (409, drfs.json())


@pytest.mark.parametrize(("ago", "status"), [(29, 409), (30, 200)])
def test_only_the_window_counts(client, market, ago, status):
    store_candles(market, daily_candles(leap_at=NEWEST - ago * DAY))
    assert client.post("/predict", BODY, format="json").status_code == status


def test_a_past_moment_is_refused_where_its_window_holds_one(client, market):
    store_candles(market, daily_candles(leap_at=NEWEST - 35 * DAY))
    body = {**BODY, "as_of": (NEWEST - 10 * DAY).isoformat()}
    assert refusal(client.post("/predict", body, format="json")) == (409, "suspect_candle")
    before = {**BODY, "as_of": (NEWEST - 36 * DAY).isoformat()}
    assert client.post("/predict", before, format="json").status_code == 200


def test_a_vector_that_this_process_remembers_is_not_answered_once_its_candle_is_marked(client, market):
    store_candles(market, daily_candles())
    ask_for(client, BODY)
    market.candles.filter(opened_at=NEWEST - DAY).update(suspect="outlier")
    assert refusal(client.post("/predict", BODY, format="json")) == (409, "suspect_candle")


def test_a_person_clears_the_candle_and_answers_are_given_again(client, market):
    store_candles(market, daily_candles(leap_at=NEWEST - 3 * DAY))
    market.candles.suspect().get().clear(actor="user:anna", reason="two exchanges had it")
    assert client.post("/predict", BODY, format="json").status_code == 200


def test_a_revision_by_the_source_heals_it(client, market):
    store_candles(market, daily_candles(leap_at=NEWEST - 3 * DAY))
    store_candles(market, daily_candles())
    assert client.post("/predict", BODY, format="json").status_code == 200


def test_an_answer_from_a_candle_that_was_marked_since_is_computed_again_to_the_bit(client, market, set_clock):
    leap = daily_candles(leap_at=NEWEST - DAY)
    set_clock("2026-11-22T01:00:00Z")
    store_candles(market, leap[:-1])
    row = ask_for(client, BODY)  # nobody can know yet
    set_clock("2026-11-23T01:00:00Z")
    store_candles(market, leap[-1:])
    assert refusal(client.post("/predict", BODY, format="json")) == (409, "suspect_candle")
    for found in (replay(row), *replay_log(Prediction.objects.all())):
        assert (found.kind, found.candles.kind) == (ReplayClass.A, FromCandlesClass.SAME)


def test_an_answer_from_a_candle_that_was_marked_and_revised_since_is_explained(client, market):
    candles = daily_candles(leap_at=NEWEST - DAY)
    store_candles(market, candles[:-1])
    row = ask_for(client, {**BODY, "as_of": (NEWEST - DAY).isoformat()})
    store_candles(market, candles[-1:])
    store_candles(market, daily_candles())
    found = replay(row)
    assert (found.kind, found.candles.kind) == (ReplayClass.A, FromCandlesClass.REVISED)


def test_the_schedule_says_that_the_close_was_missed_and_why(market):
    store_candles(market, daily_candles(leap_at=NEWEST - 3 * DAY))
    report = forecast_closes()
    assert (report.made, report.missed) == (0, 1)
    missed = MissedForecast.objects.get()
    assert "the one opened at 2026-11-19T00:00:00Z is suspect" in missed.reason
    assert missed.reason.endswith("--clear")
    assert Outcome.objects.get().as_of == NEWEST


def test_of_many_models_only_those_whose_window_is_hit_are_not_forecast(market):
    other = make_market("ether-usd-1d")
    model = RegisteredModel.objects.of_market(other.name)
    make_version(model=model, probability_up=0.6).promote(actor="user:o", reason="first")
    long = RegisteredModel.objects.of_market(market.name, name="bitcoin-usd-1d-technical")
    make_version(model=long, features="technical").promote(actor="user:o", reason="first")
    engine.refresh()
    store_candles(market, daily_candles(leap_at=NEWEST - 35 * DAY))  # in the longer window alone
    store_candles(other, daily_candles())
    report = forecast_closes()
    assert (report.made, report.missed) == (2, 1)
    assert MissedForecast.objects.get().model == long


def test_a_client_that_sends_features_is_answered(market, production):
    store_candles(market, daily_candles(leap_at=NEWEST - DAY))
    body = {"features": {feature["name"]: 1.0 for feature in production.signature}}
    assert client_with(["predict"]).post("/predict", body, format="json").status_code == 200
