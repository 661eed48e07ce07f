"""/markets over HTTP."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import make_market
from tests.predictions.conftest import client_with
from tests.training.market_data.test_mark_suspects import AT, candles_of, leapt, walk
from training.market_data.store import store_candles

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


@pytest.fixture
def faulty(db):
    """An hourly market of long ago with one gap, two outliers of which one is cleared, and one revised candle."""
    market = make_market("bitcoin-usd-1h")
    candles = candles_of(leapt(walk(), AT, AT + 20))
    store_candles(market, candles[:50] + candles[53:])
    store_candles(market, candles_of([walk()[9] * 1.001], first=9))
    market.candles.suspect().order_by("opened_at").first().clear(actor="user:anna", reason="so it was")
    return market


def test_a_market_says_how_many_candles_are_suspect_and_how_many_were_revised(reader, faulty):
    [row] = reader.get("/markets").json()["results"]
    assert (row["candles"], row["missing"], row["suspect"], row["revised"]) == (297, 3, 1, 1)


def questions(reader, path):
    with CaptureQueriesContext(connection) as asked:
        assert reader.get(path).status_code == 200
    return len(asked)


def test_the_list_costs_the_same_queries_however_many_markets_there_are(reader):
    make_market("coin0-usd-1d", newest=NEWEST, candles=3)
    reader.get("/markets")
    few = questions(reader, "/markets")
    for number in range(1, 20):
        make_market(f"coin{number}-usd-1d", newest=NEWEST, candles=3)
    assert questions(reader, "/markets") == few


def test_one_market_tells_what_is_wrong_with_its_data(reader, faulty):
    market = reader.get("/markets/bitcoin-usd-1h").json()
    quality = market["quality"]
    assert (market["name"], market["candles"], market["missing"], market["suspect"]) == ("bitcoin-usd-1h", 297, 3, 1)
    assert (quality["gaps"], quality["newest_gaps"]) == (1, [{"first_missing": "2024-01-03T02:00:00Z", "candles": 3}])
    assert [bool(one["cleared"]) for one in quality["suspects"]] == [False, True]
    assert quality["suspects"][1] == {
        "opened_at": "2024-01-09T08:00:00Z",
        "suspect": "outlier",
        "close_before": walk()[AT - 1],
        "close": walk()[AT] * 1.5,
        "close_after": walk()[AT + 1],
        "cleared": "user:anna: so it was",
    }
    assert (quality["cleared"], quality["volumes_absent"], quality["revisions"]) == (1, 0, 1)
    first = faulty.candles.get(revision=1).first_seen_sha256
    assert [one["first_seen_sha256"] for one in quality["revised"]] == [first]
    assert "the next is overdue" in quality["refused"][0]


def test_a_market_without_candles_tells_that(reader):
    make_market()
    market = reader.get("/markets/bitcoin-usd-1d").json()
    assert (market["candles"], market["first"], market["quality"]["gaps"]) == (0, None, 0)
    assert "no candles yet" in market["quality"]["refused"][0]


def test_a_market_is_shown_to_who_may_read_it(client, db):
    make_market()
    assert client.get("/markets/bitcoin-usd-1d").status_code == 401
    assert client_with(["metrics:read"]).get("/markets/bitcoin-usd-1d").status_code == 403


def test_candles_say_what_is_not_believed(reader, faulty):
    rows = reader.get("/markets/bitcoin-usd-1h/candles?limit=300").json()["results"]
    assert [(row["suspect"], row["cleared"]) for row in rows if row["suspect"]] == [
        ("outlier", ""),
        ("outlier", "user:anna: so it was"),
    ]


def test_candles_are_paged_newest_first(reader):
    make_market(newest=NEWEST)
    first = reader.get("/markets/bitcoin-usd-1d/candles?limit=40").json()
    second = reader.get(first["next"]).json()
    assert first["results"][0]["opened_at"] == "2026-01-30T00:00:00Z"
    assert (len(first["results"]), len(second["results"]), second["next"]) == (40, 20, None)


@pytest.mark.parametrize("path", ["/markets/none", "/markets/none/candles"])
def test_an_unknown_market_is_named(reader, path):
    response = reader.get(path)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (404, "unknown_market")


@pytest.mark.parametrize(
    ("path", "code", "field"),
    [
        ("/markets?limit=-5", "unknown_filter", "limit"),
        ("/markets?limit=abc", "unknown_filter", "limit"),
        ("/markets?source=csv", "unknown_filter", "source"),
        ("/markets/bitcoin-usd-1d?at=2026-01-30", "unknown_filter", "at"),
        ("/markets/bitcoin-usd-1d/candles?since=foo", "unknown_filter", "since"),
        ("/markets/bitcoin-usd-1d/candles?limit=0", "invalid", "limit"),
        ("/markets/bitcoin-usd-1d/candles?limit=abc", "invalid", "limit"),
        ("/markets/bitcoin-usd-1d/candles?limit=1001", "invalid", "limit"),
        ("/markets/bitcoin-usd-1d/candles?cursor=junk", "bad_request", "cursor"),
    ],
)
def test_a_parameter_that_is_not_known_or_cannot_be_read_is_refused(reader, path, code, field):
    make_market(newest=NEWEST)
    response = reader.get(path)
    [error] = response.json()["errors"]
    assert (response.status_code, error["code"], error["attr"]) == (400, code, field)


def test_who_may_not_read_learns_nothing_of_parameters(client, db):
    assert client.get("/markets?limit=-5").status_code == 401


@pytest.mark.parametrize("path", ["/markets?page=1&format=json", "/markets/bitcoin-usd-1d/candles?limit=1000"])
def test_a_parameter_that_is_known_is_taken(reader, path):
    make_market(newest=NEWEST)
    assert reader.get(path).status_code == 200
