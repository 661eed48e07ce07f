"""Bad input: its own status and stable code each, the field named, and nothing written."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError

from cryptoml_site.clock import now
from predictions.models import ApiKey, Prediction
from tests.factories import make_market, make_model, make_version
from tests.predictions.conftest import client_with
from tests.predictions.wrong_input import KEYS, WRONG_BODIES
from training.features.classic import EXAMPLE


def without(name):
    return {key: value for key, value in EXAMPLE.items() if key != name}


def refusal(response):
    [error] = response.json()["errors"]
    return response.status_code, error["code"], error["attr"]


@pytest.mark.parametrize(("body", "expected"), WRONG_BODIES)
def test_a_body_that_is_wrong_is_refused_by_name_and_nothing_is_written(client, production, body, expected):
    response = client.post("/predict", body, content_type="application/json")
    assert refusal(response) == expected
    assert not Prediction.objects.exists()


@pytest.mark.parametrize("depth", [600, 1_000, 1_024, 5_000])
def test_a_body_nested_to_any_depth_is_the_clients_error(client, production, depth):
    assert client.post("/predict", "[" * depth + "]" * depth, content_type="application/json").status_code == 400


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (without("price_lag_3"), (400, "missing_field", "price_lag_3")),
        ({**EXAMPLE, "moon_phase": 1}, (400, "unknown_field", "moon_phase")),
    ],
)
def test_a_missing_or_unknown_feature_is_named(client, production, body, expected):
    assert refusal(client.post("/predict", body, format="json")) == expected


def test_all_faults_of_a_body_are_said_at_once(client, production):
    response = client.post("/predict", {**without("price"), "price_lag_1": None, "extra": 1}, format="json")
    said = {(error["code"], error["attr"]) for error in response.json()["errors"]}
    assert said == {("missing_field", "price"), ("null_value", "price_lag_1"), ("unknown_field", "extra")}


def test_a_model_with_nothing_in_production_is_unavailable(client):
    make_model("empty", default=False)
    response = client.post("/predict", {"model": "empty", "features": EXAMPLE}, format="json")
    assert refusal(response) == (503, "no_production_version", "model")


def test_before_any_model_exists_the_answer_says_what_to_do(client):
    response = client.post("/predict", EXAMPLE, format="json")
    assert refusal(response) == (503, "no_production_version", None)
    assert "train one" in response.json()["errors"][0]["detail"]


def test_stale_candles_are_refused_with_their_age(client, production):
    make_market(newest=datetime(2026, 1, 30, tzinfo=UTC))
    response = client.post("/predict", {"market": "bitcoin-usd-1d"}, format="json")
    assert refusal(response) == (409, "stale_candles", "market")
    assert "closed at 2026-01-31 00:00 UTC" in response.json()["errors"][0]["detail"]
    assert response.json()["evidence"]["age_seconds"] > 0


def test_a_market_without_candles_is_refused(client, production):
    make_market()
    assert refusal(client.post("/predict", {"market": "bitcoin-usd-1d"}, format="json")) == (
        409,
        "no_candles",
        "market",
    )


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2026-01-20", (400, "not_a_moment", "as_of")),
        ("2026-01-20T00:00:00", (400, "not_a_moment", "as_of")),
        ("yesterday", (400, "not_a_moment", "as_of")),
        ("0001-01-01T00:00:00+23:59", (400, "not_a_moment", "as_of")),
        ("9999-12-31T23:59:59-23:59", (400, "not_a_moment", "as_of")),
        (7, (400, "not_a_moment", "as_of")),
        ("2026-01-20T12:00:00Z", (400, "as_of_off_grid", "as_of")),
        ("2099-01-01T00:00:00Z", (400, "as_of_not_closed", "as_of")),
        ("2025-06-01T00:00:00Z", (404, "unknown_candle", "as_of")),
        ("2025-12-05T00:00:00Z", (409, "window_incomplete", None)),
    ],
)
def test_a_moment_that_cannot_be_answered_is_refused_by_name(client, production, as_of, expected):
    make_market(newest=datetime(2026, 1, 30, tzinfo=UTC))
    response = client.post("/predict", {"market": "bitcoin-usd-1d", "as_of": as_of}, format="json")
    assert refusal(response) == expected


def test_a_hole_in_the_window_is_refused_with_the_missing_candle(client, production):
    market = make_market(newest=datetime(2026, 1, 30, tzinfo=UTC))
    market.candles.filter(opened_at=datetime(2026, 1, 25, tzinfo=UTC)).delete()
    body = {"market": market.name, "as_of": "2026-01-30T00:00:00Z"}
    response = client.post("/predict", body, format="json")
    assert refusal(response) == (409, "window_incomplete", None)
    assert "2026-01-25" in response.json()["errors"][0]["detail"]


def test_a_model_of_another_market_is_refused(client, production):
    make_market("ethereum-usd-1d", newest=datetime(2026, 1, 30, tzinfo=UTC))
    body = {"market": "ethereum-usd-1d", "model": "bitcoin-usd-1d"}
    assert refusal(client.post("/predict", body, format="json")) == (400, "model_of_another_market", "model")


def test_a_body_over_the_limit_is_refused(client, production, settings):
    settings.BODY_LIMIT = 100
    response = client.post("/predict", EXAMPLE, format="json")
    assert refusal(response) == (413, "body_too_large", None)


def test_another_content_type_is_refused(client, production):
    response = client.post("/predict", "price=1", content_type="application/x-www-form-urlencoded")
    assert refusal(response) == (415, "unsupported_media_type", None)


def test_another_method_is_refused(client):
    assert refusal(client.get("/predict")) == (405, "method_not_allowed", None)


def test_an_address_that_is_not_there_answers_in_the_same_shape(client):
    assert refusal(client.get("/predicted")) == (404, "not_found", None)


@pytest.mark.parametrize(("secret", "expected"), KEYS)
def test_a_key_that_opens_nothing_is_refused(client, production, secret, expected):
    client.credentials()
    client.defaults.pop("HTTP_X_API_KEY")
    headers = {} if secret is None else {"HTTP_X_API_KEY": secret.encode().decode("latin-1")}
    assert refusal(client.post("/predict", EXAMPLE, format="json", **headers)) == expected


def test_the_right_prefix_with_another_secret_is_unknown(client, production):
    client.defaults["HTTP_X_API_KEY"] = f"{client.key.prefix}.{'x' * 43}"
    assert refusal(client.post("/predict", EXAMPLE, format="json")) == (401, "unknown_key", None)


def test_a_revoked_key_is_refused(client, production):
    client.key.revoke()
    assert refusal(client.post("/predict", EXAMPLE, format="json")) == (401, "revoked_key", None)


def test_an_expired_key_is_refused(client, production):
    ApiKey.objects.filter(pk=client.key.pk).update(expires_at=now() - timedelta(seconds=1))
    assert refusal(client.post("/predict", EXAMPLE, format="json")) == (401, "expired_key", None)


def test_a_key_without_the_scope_is_refused_and_the_scope_is_named(production):
    response = client_with(["metrics:read"]).post("/predict", EXAMPLE, format="json")
    assert refusal(response) == (403, "missing_scope", None)
    assert "predict" in response.json()["errors"][0]["detail"]
    assert not Prediction.objects.exists()


def test_a_staged_version_alone_is_tried(client, production):
    make_version(model=production.model)
    response = client.post("/predict", {"features": EXAMPLE, "version": 2}, format="json")
    assert refusal(response) == (409, "not_staged", "version")


def test_many_strange_fields_get_a_short_answer(client, production):
    response = client.post("/predict", {f"field{place}": 1 for place in range(5_000)}, format="json")
    assert response.status_code == 400
    assert len(response.json()["errors"]) == 50


def test_a_body_in_chunks_is_refused_by_its_own_code(client, production):
    response = client.post("/predict", b"", content_type="application/json", headers={"Transfer-Encoding": "chunked"})
    assert refusal(response) == (411, "length_required", None)


def test_without_the_database_an_answer_is_unavailable_not_lost_silently(client, production, monkeypatch):
    def away(_):
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr("predictions.log.write", away)
    assert refusal(client.post("/predict", EXAMPLE, format="json")) == (503, "database_unavailable", None)


@pytest.mark.parametrize("path", ["/models/%00", "/markets/%00/candles", "/models/a%00b"])
def test_a_name_that_cannot_be_stored_is_unknown(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/predictions", "/markets/bitcoin-usd-1d/candles"])
@pytest.mark.parametrize("position", ["p=junk", "p=", "p=9999-99-99"])
def test_an_altered_cursor_is_refused(client, path, position):
    make_market()
    response = client.get(path, {"cursor": b64encode(position.encode()).decode()})
    assert refusal(response)[:2] == (400, "bad_request")
