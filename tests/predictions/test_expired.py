"""A version that grew old says so in each answer, or gives none where its model says so: at every door alike."""

from datetime import UTC, datetime, timedelta

import pytest

from cryptoml_site.clock import now
from monitoring.health import examine
from predictions.engine import engine
from predictions.forecasting import forecast_closes
from predictions.models import Forecast, MissedForecast, Prediction
from registry.models import RegisteredModel
from tests.factories import make_market, make_model, make_policy, make_version
from tests.predictions.answered import ask
from tests.predictions.test_short_lane import in_drfs_lane, in_the_short_lane
from training.features.classic import EXAMPLE
from training.market_data.simulate import simulate_candles

pytestmark = pytest.mark.django_db
NAME = "demo-usd-1m"
AT = "2026-06-01T12:00:10Z"
BATCH = {"rows": [list(EXAMPLE.values())] * 2}
ASKED = [
    ("/predict", EXAMPLE),
    ("/predict", {"market": NAME}),
    ("/predict", {"market": NAME, "as_of": "2026-06-01T11:58:00Z"}),
    ("/predict", {"features": EXAMPLE, "version": 2}),
    ("/predict/batch", BATCH),
]


@pytest.fixture
def model(set_clock):
    """The demo market up to now; version 1 learnt until a week ago and answers, version 2 is as old and staged."""
    set_clock(AT)
    simulate_candles(NAME, candles=60, seed=7)
    model = RegisteredModel.objects.named(NAME)
    model.make_default()
    for _ in range(2):
        version = make_version(model=model, simulated=True, data_end=now() - timedelta(days=7))
        version.to_staging(actor="user:o", reason="next")
    model.versions.numbered(1).promote(actor="user:o", reason="first")
    engine.refresh()
    return model


def rule(model, **facts):
    make_policy(model, **facts)
    engine.refresh()


def refusal(reply):
    [error] = reply.json()["errors"]
    return reply.status_code, error["code"], error["attr"]


@pytest.mark.parametrize(("path", "body"), ASKED)
def test_without_a_policy_nothing_expires(model, client, path, body):
    assert "version_expired" not in ask(client, body, path)["warnings"]


@pytest.mark.parametrize(("path", "body"), ASKED)
def test_an_expired_version_warns_in_each_answer_and_in_its_row_of_the_log(model, client, path, body):
    rule(model, max_age_days=7)
    assert "version_expired" in ask(client, body, path)["warnings"]
    assert all("version_expired" in row.warnings for row in Prediction.objects.all())


@pytest.mark.parametrize(("path", "body"), ASKED)
def test_where_the_model_says_so_an_expired_version_gives_no_answer(model, client, path, body):
    rule(model, max_age_days=7, when_expired="refuse")
    reply = client.post(path, body, format="json")
    assert refusal(reply) == (503, "version_expired", "model")
    said = f"version {2 if 'version' in body else 1} expired at 2026-06-01 12:00:10 UTC, 7 days after"
    assert said in reply.json()["errors"][0]["detail"]
    assert not Prediction.objects.exists()


@pytest.mark.parametrize("when", ["warn", "refuse"])
def test_it_expires_at_that_very_second_of_the_sites_clock(model, client, set_clock, when):
    rule(model, max_age_days=7.5, when_expired=when)
    at = now() + timedelta(days=0.5)
    set_clock((at - timedelta(seconds=1)).isoformat())
    assert ask(client, EXAMPLE)["warnings"] == []
    set_clock(at.isoformat())
    reply = client.post("/predict", EXAMPLE, format="json").json()
    assert reply.get("warnings") == ["version_expired"] if when == "warn" else "errors" in reply


@pytest.mark.parametrize("when", ["warn", "refuse"])
@pytest.mark.parametrize(("path", "body"), [("/predict", b'{"market": "demo-usd-1m"}'), ("/predict/batch", None)])
def test_both_lanes_say_the_same(model, client, path, body, when):
    rule(model, max_age_days=7, when_expired=when)
    raw = body or client._encode_data(BATCH, "json")[0]
    short, drfs = (lane(raw, path=path, HTTP_X_API_KEY=client.secret) for lane in (in_the_short_lane, in_drfs_lane))
    own = {"id", "made_at", "predictions"}
    assert short[0] == drfs[0] == (200 if when == "warn" else 503)
    assert {k: v for k, v in short[2].items() if k not in own} == {k: v for k, v in drfs[2].items() if k not in own}


def test_a_newer_version_answers_again(model, client):
    rule(model, max_age_days=7, when_expired="refuse")
    make_version(model=model, simulated=True, data_end=now()).promote(actor="user:o", reason="fresh")
    engine.refresh()
    assert ask(client, EXAMPLE)["warnings"] == []


def test_another_model_is_not_asked(model, client):
    rule(model, max_age_days=7, when_expired="refuse")
    other = make_model("other", default=False)
    make_version(model=other, data_end=datetime(2020, 1, 1, tzinfo=UTC)).promote(
        actor="user:o", reason="first", override=True
    )
    engine.refresh()
    assert ask(client, {"model": "other", "features": EXAMPLE})["warnings"] == []


def test_what_an_imported_version_learnt_from_is_as_old_as_its_registration(model, client, set_clock):
    make_version(model=model, simulated=True, data_start=None, data_end=None, data_sha256="").promote(
        actor="user:o", reason="brought", override=True
    )
    rule(model, max_age_days=1)
    assert ask(client, EXAMPLE)["warnings"] == []
    set_clock((now() + timedelta(days=1)).isoformat())
    assert ask(client, EXAMPLE)["warnings"] == ["version_expired"]


def test_the_schedule_warns_too(model):
    rule(model, max_age_days=7)
    assert forecast_closes().made == 1
    assert Prediction.objects.get().warnings == ["version_expired"]


def test_where_it_gives_no_answers_the_close_is_said_to_be_missed_and_why(model):
    rule(model, max_age_days=7, when_expired="refuse")
    assert forecast_closes().made == 0
    assert not Forecast.objects.exists()
    assert "version 1 expired at 2026-06-01 12:00:10 UTC" in MissedForecast.objects.get().reason


def test_where_it_gives_no_answers_the_newest_forecast_is_not_given_either(model, client):
    forecast_closes()
    assert client.get(f"/forecasts/latest?market={NAME}").status_code == 200
    rule(model, max_age_days=7)
    assert client.get(f"/forecasts/latest?market={NAME}").status_code == 200
    rule(model, when_expired="refuse")
    assert refusal(client.get(f"/forecasts/latest?market={NAME}")) == (503, "version_expired", "model")


def test_stale_candles_are_said_to_be_only_where_the_version_could_answer(model, client):
    make_market("stale-usd-1d", newest=now() - timedelta(days=30))
    stale = make_model("stale", default=False)
    stale.market = "stale-usd-1d"
    stale.save()
    make_version(model=stale, data_end=now() - timedelta(days=30)).promote(actor="user:o", reason="first")
    body = {"market": "stale-usd-1d", "model": "stale"}
    engine.refresh()
    assert refusal(client.post("/predict", body, format="json"))[1] == "stale_candles"
    rule(stale, max_age_days=7, when_expired="refuse")
    assert refusal(client.post("/predict", body, format="json"))[1] == "version_expired"


@pytest.mark.parametrize("when", ["warn", "refuse"])
def test_health_names_it(model, when):
    assert not any("expired" in sentence for sentence in examine().degraded)
    rule(model, max_age_days=7, when_expired=when)
    assert any(f"model {NAME} version 1 expired at" in sentence for sentence in examine().degraded)
