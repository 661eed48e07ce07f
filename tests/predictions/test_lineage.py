"""From one answer to everything behind it, over HTTP and on its page; what is gone is said, never invented."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from cryptoml_site.clock import now
from predictions.lineage import lineage_of
from predictions.models import ApiKey, Prediction
from registry.models import ModelVersion
from tests.factories import make_market, make_prediction, make_version
from tests.predictions.answered import CLASSIC, HOURLY, LOGISTIC, ask, ask_for, version_of
from tests.predictions.conftest import client_with
from training.datasets import build_dataset
from training.features.classic import EXAMPLE
from training.market_data.parsed import ParsedCandle
from training.market_data.store import store_candles
from training.models import Market, Outcome
from training.outcomes import Close, expect, settle_due

pytestmark = pytest.mark.django_db
NEWEST = datetime(2026, 11, 22, tzinfo=UTC)


def lineage(client, answer):
    reply = client.get(f"/api/v1/predictions/{answer['id']}/lineage")
    assert reply.status_code == 200, reply.content
    return reply.json()


@pytest.fixture
def daily(production, set_clock):
    """The market of the version in production, fresh."""
    return make_market(newest=NEWEST)


def test_a_forecast_of_a_trained_version_is_traced_to_everything_behind_it(client, set_clock):
    version = version_of("xgboost")
    answer = ask(client, {"market": HOURLY, "reference": "night run"})
    market, found = Market.objects.get(), lineage(client, answer)
    assert found["prediction"] == answer | {"market": HOURLY, "role": "production", "actor": client.key.label}
    window = market.candles.order_by("-opened_at")[: CLASSIC.window]
    assert found["features"]["price"] == pytest.approx(window[0].close)
    assert (list(found["features"]), list(found["features"].values())) == (CLASSIC.names, found["vector"])
    assert found["feature_set"] == {
        "name": "classic",
        "sha256": CLASSIC.sha256,
        "sha256_now": CLASSIC.sha256,
        "unchanged": True,
    }
    candles = found["candles"]
    assert (candles["market"], candles["count"], candles["unchanged"]) == (HOURLY, CLASSIC.window, True)
    assert candles["sha256"] == candles["sha256_now"] == Prediction.objects.get().candles_sha256
    assert candles["first_opened_at"] == window[CLASSIC.window - 1].opened_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert candles["last_opened_at"] == answer["as_of"]
    assert (found["version"]["number"], found["version"]["bundle"]) == (1, version.bundle)
    assert (found["version"]["created_by"], found["version"]["signature"]) == ("user:anna", version.signature)
    run = found["training_run"]
    assert (run["id"], run["status"], run["actor"]) == (version.training_run.pk, "succeeded", "user:anna")
    assert (run["params"], run["folds"], run["seed"], run["attempts"]) == ({"n_estimators": 10}, 2, 7, 1)
    dataset = build_dataset(market.candles.series(interval=3_600), CLASSIC, horizon=1)
    assert (found["data"]["sha256"], found["data"]["simulated"]) == (dataset.sha256, True)
    assert found["data"]["end"] == answer["as_of"]
    assert found["code_revision"] == (version.code_revision or None)
    assert found["environment"] == version.environment
    deployment = found["deployment"]
    assert (deployment["generation"], deployment["kind"]) == (answer["generation"], "promote")
    assert (deployment["actor"], deployment["reason"]) == ("user:operator", "a test")
    assert found["key"] == {"prefix": client.key.prefix, "name": "test"}
    assert (found["outcome"], found["right"], found["missing"], found["model_import"]) == (None, None, [], None)


def test_no_secret_of_the_key_is_in_it(client, production):
    reply = client.get(f"/predictions/{ask(client, EXAMPLE)['id']}/lineage").content.decode()
    assert client.key.prefix in reply
    assert client.secret not in reply
    assert client.secret.partition(".")[2] not in reply
    assert client.key.secret_sha256 not in reply


def test_an_imported_version_has_an_import_and_no_run_and_its_data_is_unknown(client, set_clock):
    version = version_of(LOGISTIC)
    found = lineage(client, ask(client, {"market": HOURLY}))
    assert found["training_run"] is None
    assert (found["model_import"]["id"], found["model_import"]["kind"]) == (version.model_import.pk, "joblib")
    assert found["data"] == {"start": None, "end": None, "sha256": None, "simulated": True}
    assert found["missing"] == [f"{version} was imported: nobody here knows what it was trained on"]


def test_features_of_a_client_came_from_no_candles_and_have_no_outcome(client, production):
    found = lineage(client, ask(client, EXAMPLE))
    assert (found["candles"], found["outcome"], found["right"]) == (None, None, None)
    assert found["missing"] == [f"neither a training run nor an import of {production} is held"]


def test_a_trial_has_no_deployment(client, production):
    staged = make_version(model=production.model)
    staged.to_staging(actor="user:operator", reason="to try it")
    found = lineage(client, ask(client, {"features": EXAMPLE, "version": 2}))
    assert (found["deployment"], found["prediction"]["role"], found["version"]["number"]) == (None, "trial", 2)


@pytest.mark.parametrize(("close", "right"), [(1_000.0, True), (1.0, False)])
def test_a_settled_outcome_says_whether_the_answer_was_right(client, daily, set_clock, close, right):
    answer = ask(client, {"market": daily.name})
    expect([Close(daily, NEWEST, 1)])
    assert lineage(client, answer)["outcome"]["status"] == "pending"
    set_clock("2026-11-24T10:00:00Z")
    target = NEWEST + timedelta(days=1)
    store_candles(daily, [ParsedCandle(target, None, None, None, close, volume=5.0, market_cap=None)])
    settle_due()
    found = lineage(client, answer)
    assert (found["right"], found["outcome"]["status"], found["outcome"]["close_at_end"]) == (right, "settled", close)
    assert found["outcome"]["log_return"] == Outcome.objects.get().log_return


def test_candles_that_were_revised_since_are_said_to_be_others(client, daily):
    answer = ask(client, {"market": daily.name})
    revised = ParsedCandle(NEWEST, None, None, None, 99.0, volume=5.0, market_cap=None)
    store_candles(daily, [revised])
    candles = lineage(client, answer)["candles"]
    assert candles["unchanged"] is False
    assert candles["sha256"] == Prediction.objects.get().candles_sha256 != candles["sha256_now"]


def test_a_feature_set_that_changed_since_has_a_window_that_cannot_be_told(client, daily, production):
    answer = ask(client, {"market": daily.name})
    ModelVersion.objects.update(feature_set_sha256="0" * 64)
    found = lineage(client, answer)
    assert found["feature_set"] == {
        "name": "classic",
        "sha256": "0" * 64,
        "sha256_now": CLASSIC.sha256,
        "unchanged": False,
    }
    unknown = ("count", "first_opened_at", "sha256_now", "unchanged")
    assert {found["candles"][name] for name in unknown} == {None}
    assert "feature set classic is not the one of then: which candles it read cannot be told" in found["missing"]


def test_a_feature_set_that_is_gone_is_said_to_be(client, daily, production):
    answer = ask(client, {"market": daily.name})
    ModelVersion.objects.update(feature_set="ancient")
    assert lineage(client, answer)["feature_set"]["sha256_now"] is None


def test_purged_files_are_said_to_be(client, production):
    answer = ask(client, EXAMPLE)
    ModelVersion.objects.update(purged_at=now())
    assert any("were purged at" in sentence for sentence in lineage(client, answer)["missing"])


def test_what_the_log_outlives_is_null_and_said_to_be_gone(client):
    version = make_version()
    row = make_prediction(
        made_at=now(), version=version, market="gone-usd-1d", as_of=NEWEST, deployment_id=9**9, key_id=9**9
    )
    pk = version.pk
    version.delete()
    found = lineage(client, {"id": row.pk})
    absent = ("version", "features", "feature_set", "training_run", "data", "environment", "deployment", "key")
    assert {name: found[name] for name in absent} == dict.fromkeys(absent)
    assert (found["prediction"]["version"], found["vector"]) == (None, [1.0] * 9)
    assert found["prediction"]["model"] == "bitcoin-usd-1d"
    assert found["candles"]["market"] == "gone-usd-1d"
    assert found["missing"] == [
        f"version {pk} (by primary key) is gone, and what is known of it with it",
        f"deployment {9**9} is gone",
        f"API key {9**9} (by primary key) is gone",
        "market gone-usd-1d is gone, its candles with it",
    ]


def test_a_model_that_is_gone_with_its_versions_is_said_to_be(client):
    version = make_version()
    row = make_prediction(made_at=now(), version=version)
    version.delete()
    version.model.delete()
    found = lineage(client, {"id": row.pk})
    assert (found["prediction"]["model"], found["prediction"]["version"]) == (None, None)
    assert found["missing"][1] == f"model {row.model_id} (by primary key) is gone"


def test_a_vector_of_another_length_has_no_names(client, production):
    row = make_prediction(made_at=now(), version=production, vector=[1.0, 2.0])
    found = lineage(client, {"id": row.pk})
    assert (found["features"], found["vector"]) == (None, [1.0, 2.0])


OWN = ["predict", "predictions:read"]


def seen_by(client, answer):
    return client.get(f"/predictions/{answer['id']}/lineage").status_code


def test_a_key_sees_the_lineage_of_its_own_answers_only(client, production):
    own = client_with(OWN)
    answer = ask(own, EXAMPLE)
    assert [seen_by(who, answer) for who in (own, client, client_with(OWN))] == [200, 200, 404]


def test_without_a_reading_scope_there_is_none(client, production):
    answer = ask(client, EXAMPLE)
    assert [seen_by(who, answer) for who in (client_with(["predict"]), APIClient())] == [403, 401]


def test_staff_see_it_by_permission(client, production, django_user_model):
    answer = ask(client, EXAMPLE)
    user = django_user_model.objects.create(username="anna", is_staff=True)
    person = APIClient()
    person.force_login(user)
    assert seen_by(person, answer) == 403
    user.user_permissions.add(Permission.objects.get(codename="view_prediction"))
    person.force_login(django_user_model.objects.get(pk=user.pk))
    assert seen_by(person, answer) == 200


def test_an_unknown_answer_has_none(client):
    reply = client.get("/predictions/01980000-0000-7000-8000-000000000000/lineage")
    assert (reply.status_code, reply.json()["errors"][0]["code"]) == (404, "not_found")


def test_all_of_it_costs_six_queries_beside_the_answers_own(client, daily):
    row = ask_for(client, {"market": daily.name})
    with CaptureQueriesContext(connection) as asked:
        found = lineage_of(row)
        assert (found.candles.unchanged, found.training_run, found.right) == (True, None, None)
    assert len(asked.captured_queries) == 6
    with CaptureQueriesContext(connection) as asked:
        lineage(client, {"id": row.pk})
    own = [query for query in asked.captured_queries if "predictions_apikey" not in query["sql"]]
    assert len(own) == 6  # the answer, and five: the sixth was for its key


def page_of(row, page="change"):
    return reverse(f"admin:predictions_prediction_{page}", args=[row.pk])


def test_an_answers_page_shows_its_lineage(admin_client, client, daily, production):
    row = ask_for(client, {"market": daily.name})
    page = admin_client.get(page_of(row)).content.decode()
    deployment = production.model.deployments.newest_move()
    for told in (production.bundle, row.candles_sha256, f"generation {deployment.generation}", "“first”"):
        assert told in page
    assert f'action="{page_of(row, "replay")}"' in page
    assert client.key.secret_sha256 not in page


def test_the_page_of_an_answer_whose_version_is_gone_opens(admin_client):
    version = make_version()
    row = make_prediction(made_at=now(), version=version)
    version.delete()
    page = admin_client.get(page_of(row)).content.decode()
    assert "is gone, and what is known of it with it" in page


def test_the_schema_documents_it(client):
    schema = client.get("/schema?format=json").json()
    answer = schema["paths"]["/api/v1/predictions/{id}/lineage"]["get"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Lineage"}
    assert ApiKey.__name__ not in schema["components"]["schemas"]
