"""/models over HTTP."""

import pytest

from tests.factories import make_model, make_version
from tests.predictions.conftest import client_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader():
    return client_with(["registry:read"])


def test_a_client_finds_out_what_to_send(reader):
    make_version().promote(actor="user:o", reason="first")
    body = reader.get("/models/bitcoin-usd-1d").json()
    assert (body["market"], body["horizon"], body["default"], body["production"]) == ("bitcoin-usd-1d", 1, True, 1)
    assert [feature["name"] for feature in body["signature"]][:2] == ["price", "price_change"]
    assert set(body["signature"][0]) == {"name", "dtype", "unit", "description"}


def test_versions_are_listed_newest_first_with_their_honest_figures(reader):
    make_version()
    make_version()
    versions = reader.get("/models/bitcoin-usd-1d").json()["versions"]
    assert [version["number"] for version in versions] == [2, 1]
    assert versions[0]["metrics"]["accuracy"] == {"value": 0.55, "low": 0.53, "high": 0.57}
    assert versions[0]["metrics"]["baseline"] == {"name": "majority", "accuracy": 0.52}


def test_the_registry_says_what_answers_since_when_by_whom_and_why(reader):
    moved = make_version().promote(actor="user:anna", reason="better")
    body = reader.get("/models/registry").json()
    [row] = body["models"]
    assert body["generation"] == row["generation"] == moved.generation
    assert (row["name"], row["production"], row["actor"], row["reason"], row["kind"]) == (
        "bitcoin-usd-1d",
        1,
        "user:anna",
        "better",
        "promote",
    )


def test_the_list_costs_the_same_queries_however_many_models(reader, django_assert_max_num_queries):
    for name in ("one", "two", "three"):
        make_version(model=make_model(name, default=False))
    with django_assert_max_num_queries(4):  # key, count, models, versions
        assert len(reader.get("/models/list").json()["results"]) == 3


def test_an_unknown_model_is_named(reader):
    response = reader.get("/models/none")
    assert (response.status_code, response.json()["errors"][0]["code"]) == (404, "unknown_model")


@pytest.mark.parametrize("path", ["/models/list", "/models/registry", "/models/bitcoin-usd-1d", "/markets"])
def test_the_registry_is_not_for_everybody(path, client):
    assert client.get(path).status_code == 401
