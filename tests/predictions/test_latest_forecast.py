"""GET /forecasts/latest: the newest scheduled forecast, and for how long a client may keep it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from predictions.forecasting import forecast_closes
from predictions.keyring import keyring
from predictions.latest_forecast import LatestForecast
from predictions.models import Forecast, Prediction
from registry.models import RegisteredModel
from tests.factories import make_market, make_model, make_prediction, make_version
from tests.predictions.conftest import client_with
from training.market_data.simulate import extend_all_simulated, simulate_candles

pytestmark = pytest.mark.django_db
URL = "/forecasts/latest?market=demo-usd-1m"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def demo(set_clock):
    """Ten seconds past noon, the close of noon was forecast; the set clock is given."""
    set_clock("2026-06-01T12:00:10Z")
    simulate_candles("demo-usd-1m", candles=60, seed=7)
    make_version(model=RegisteredModel.objects.named("demo-usd-1m")).promote(actor="user:o", reason="first")
    forecast_closes()
    return set_clock


def refusal(response):
    [error] = response.json()["errors"]
    return response.status_code, error["code"], error["attr"]


def test_it_is_the_schedules_newest_answer_and_its_market(demo, client):
    client.post("/predict", {"market": "demo-usd-1m"}, format="json")  # somebody's own answer is no forecast
    response = client.get(URL)
    row = Prediction.objects.get(actor="schedule:forecast")
    logged = client.get(f"/predictions/{row.pk}").json()
    answer = response.json()
    assert answer == {name: logged[name] for name in answer}
    assert (answer["id"], answer["market"], answer["as_of"]) == (str(row.pk), "demo-usd-1m", "2026-06-01T11:59:00Z")
    assert "features" not in answer
    assert "actor" not in answer


def test_the_next_close_brings_the_next_forecast(demo, client):
    first = client.get(URL).json()
    demo("2026-06-01T12:01:05Z")
    extend_all_simulated()
    forecast_closes()
    assert client.get(URL).json()["as_of"] > first["as_of"]


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("2026-06-01T12:00:10Z", 50),
        ("2026-06-01T12:00:10.400Z", 50),
        ("2026-06-01T12:00:59.900Z", 1),
        ("2026-06-01T12:01:00Z", 1),
        ("2026-06-02T00:00:00Z", 1),
    ],
)
def test_it_may_be_kept_until_the_next_close_can_be_forecast(demo, client, moment, seconds):
    demo(moment)
    assert client.get(URL).headers["Cache-Control"] == f"private, max-age={seconds}"


def test_a_day_is_kept_until_the_day_after_has_closed(demo, client):
    model = make_model()
    made = make_prediction(made_at=NOON, version=make_version(model=model), market="bitcoin-usd-1d")
    as_of = datetime(2026, 5, 31, tzinfo=UTC)
    make_market(newest=as_of, candles=1)
    Forecast.objects.create(model=model, as_of=as_of, prediction_id=made.pk)
    kept = client.get("/forecasts/latest?market=bitcoin-usd-1d").headers["Cache-Control"]
    assert kept == f"private, max-age={12 * 3600 - 10}"


def test_who_has_it_already_is_told_so_without_a_body(demo, client):
    full = client.get(URL)
    again = client.get(URL, headers={"If-None-Match": full.headers["ETag"]})
    assert full.headers["ETag"] == f'"{full.json()["id"]}"'
    assert (again.status_code, again.content) == (304, b"")
    kept = ("ETag", "Cache-Control", "Vary", "RateLimit-Limit")
    assert {name: again.headers[name] for name in kept} == {name: full.headers[name] for name in kept}


def test_a_cache_tells_callers_apart(demo, client):
    told = {name.strip() for name in client.get(URL).headers["Vary"].split(",")}
    assert told >= {"X-API-Key", "Authorization", "Cookie", "Accept"}


@pytest.mark.parametrize(("sent", "status"), [('"other"', 200), ('"other", {}', 304), ("W/{}", 304), ("*", 304)])
def test_any_of_several_tags_may_match(demo, client, sent, status):
    etag = client.get(URL).headers["ETag"]
    assert client.get(URL, headers={"If-None-Match": sent.format(etag)}).status_code == status


def test_a_new_forecast_has_a_new_tag(demo, client):
    etag = client.get(URL).headers["ETag"]
    demo("2026-06-01T12:01:05Z")
    extend_all_simulated()
    forecast_closes()
    assert client.get(URL, headers={"If-None-Match": etag}).status_code == 200


def test_a_page_for_people_has_no_tag(demo, admin_client):
    page = admin_client.get(URL, headers={"Accept": "text/html"})
    assert (page.status_code, "ETag" in page.headers) == (200, False)


def test_it_costs_two_queries_and_one_where_nothing_is_new(demo, client, django_assert_num_queries):
    keyring.load()
    with django_assert_num_queries(2):
        etag = client.get(URL).headers["ETag"]
    with django_assert_num_queries(1):
        client.get(URL, headers={"If-None-Match": etag})


def test_the_newest_forecast_is_found_by_index_however_many_there_are(demo):
    model = RegisteredModel.objects.named("demo-usd-1m")
    older = (NOON - timedelta(minutes=minute) for minute in range(2, 5_000))
    Forecast.objects.bulk_create(Forecast(model=model, as_of=as_of, prediction_id=uuid4()) for as_of in older)
    with CaptureQueriesContext(connection) as asked, connection.cursor() as cursor:
        assert LatestForecast.of("demo-usd-1m", model="demo-usd-1m").as_of == NOON - timedelta(minutes=1)
        cursor.execute("ANALYZE predictions_forecast")
        cursor.execute(f"EXPLAIN {asked.captured_queries[0]['sql']}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index Scan" in plan
    assert "Sort" not in plan
    assert "Seq Scan on predictions_forecast" not in plan


def test_another_model_of_the_market_is_asked_for_by_name(demo, client):
    other = RegisteredModel.objects.of_market("demo-usd-1m", name="demo-usd-1m-other")
    make_version(model=other).promote(actor="user:o", reason="first")
    forecast_closes()
    assert client.get(URL).json()["model"] == "demo-usd-1m"
    assert client.get(f"{URL}&model=demo-usd-1m-other").json()["model"] == "demo-usd-1m-other"


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ("", (400, "missing_field", "market")),
        ("?market=", (400, "missing_field", "market")),
        ("?market=none-usd-1d", (404, "unknown_market", "market")),
        ("?market=demo-usd-1m&model=none", (404, "unknown_model", "model")),
        ("?market=demo-usd-1m&model=", (404, "unknown_model", "model")),
        ("?market=demo-usd-1m&model=bitcoin-usd-1d", (400, "model_of_another_market", "model")),
        ("?market=bitcoin-usd-1d", (404, "no_forecast_yet", None)),
        ("?market=demo-usd-1m&Model=x", (400, "unknown_filter", "Model")),
        ("?market=demo-usd-1m&version=1", (400, "unknown_filter", "version")),
        ("?market=a%00b", (400, "bad_request", None)),
    ],
)
def test_what_is_not_there_or_means_nothing_is_refused_by_name(demo, client, query, refused):
    make_model()
    make_market()
    assert refusal(client.get(f"/forecasts/latest{query}")) == refused


def test_a_forecast_that_left_the_log_is_no_answer(demo, client):
    Forecast.objects.update(prediction_id="00000000-0000-7000-8000-000000000000")
    assert refusal(client.get(URL)) == (404, "no_forecast_yet", None)


@pytest.mark.parametrize(
    ("scope", "status"),
    [("predict", 200), ("predictions:read", 200), ("predictions:read_all", 200), ("registry:read", 403)],
)
def test_who_may_ask_or_read_may_poll(demo, scope, status):
    assert client_with([scope]).get(URL).status_code == status


def test_without_a_key_it_is_shut(demo):
    assert APIClient().get(URL).status_code == 401


def test_it_is_the_same_under_its_canonical_address(demo, client):
    assert client.get(f"/api/v1{URL}").json() == client.get(URL).json()


@pytest.mark.parametrize(
    "header", [{"If-Match": '"another"'}, {"If-Unmodified-Since": "Mon, 23 Nov 2020 23:00:00 GMT"}]
)
def test_conditions_of_those_who_would_change_it_mean_nothing(demo, client, header):
    assert client.get(URL, headers=header).status_code == 200
