"""/markets over HTTP."""

from datetime import UTC, datetime

import pytest

from tests.factories import make_market
from tests.predictions.conftest import client_with

pytestmark = pytest.mark.django_db
NEWEST = datetime(2026, 1, 30, tzinfo=UTC)


@pytest.fixture
def reader():
    return client_with(["registry:read"])


def test_a_market_says_how_many_candles_it_holds_how_fresh_and_how_many_are_missing(reader):
    market = make_market(newest=NEWEST)
    market.candles.filter(opened_at=datetime(2026, 1, 10, tzinfo=UTC)).delete()
    [row] = reader.get("/markets").json()["results"]
    assert (row["name"], row["candles"], row["missing"]) == ("bitcoin-usd-1d", 59, 1)
    assert (row["newest"], row["stale"], row["simulated"]) == ("2026-01-30T00:00:00Z", True, False)


def test_a_market_without_candles_is_listed_as_stale(reader):
    make_market()
    [row] = reader.get("/markets").json()["results"]
    assert (row["candles"], row["first"], row["missing"], row["stale"]) == (0, None, 0, True)


def test_candles_are_paged_newest_first(reader):
    make_market(newest=NEWEST)
    first = reader.get("/markets/bitcoin-usd-1d/candles?limit=40").json()
    second = reader.get(first["next"]).json()
    assert first["results"][0]["opened_at"] == "2026-01-30T00:00:00Z"
    assert (len(first["results"]), len(second["results"]), second["next"]) == (40, 20, None)


def test_an_unknown_market_is_named(reader):
    response = reader.get("/markets/none/candles")
    assert (response.status_code, response.json()["errors"][0]["code"]) == (404, "unknown_market")
