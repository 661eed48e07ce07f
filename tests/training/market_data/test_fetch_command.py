"""`manage.py fetch_candles` against the stand-in of CoinGecko, over real HTTP."""

import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from cryptoml_site.errors import Invalid, Refused, Unknown
from training.market_data.markets import claim_market
from training.models import FetchState

pytestmark = pytest.mark.django_db
FIVE_YEARS = 43_824  # hours from 2021-11-23 to 2026-11-23, one leap day among them


@pytest.fixture
def market(coingecko):
    """It is 2026-11-23 10:00 UTC."""
    return claim_market("bitcoin-usd-1h", source="coingecko")


def fetch(*words):
    out = StringIO()
    call_command("fetch_candles", *words, stdout=out)
    return out.getvalue()


def count_in(said):
    return int(re.search(r"(\d+) inserted", said)[1])


def test_a_year_of_hours_is_what_coingecko_gives_without_a_key(market, coingecko):
    said = fetch("bitcoin-usd-1h")
    assert said == (
        f"bitcoin-usd-1h from coingecko: {365 * 24} inserted, 0 unchanged, 0 revised in 5 pages; "
        "the newest closed at 2026-11-23 10:00 UTC\n"
    )
    assert coingecko.paths == ["/api/v3/coins/bitcoin/market_chart/range"] * 5


def test_five_years_of_hours_come_in_one_command(market, coingecko, settings):
    settings.COINGECKO_API_KEY, settings.COINGECKO_KEY_KIND, coingecko.pro = "CG-pro-key", "pro", True
    hole = [datetime(2024, 2, 29, hour, tzinfo=UTC) for hour in range(5)]
    coingecko.leave_out("bitcoin", *hole)
    said = fetch("bitcoin-usd-1h", "--since", "2021-11-23")
    assert count_in(said) == market.candles.count() == FIVE_YEARS + 10 - len(hole)
    assert "5 that were asked for are still missing" in said
    assert len(coingecko.asked) == 21
    coingecko.quotes["bitcoin"].holes.clear()
    assert count_in(fetch("bitcoin-usd-1h", "--since", "2021-11-23")) == len(hole)
    assert len(coingecko.asked) == 23  # the hole, and the newest


def test_again_asks_for_the_newest_alone_and_changes_nothing(market, coingecko, settings):
    fetch("bitcoin-usd-1h", "--since", "2026-11-01")
    before = list(market.candles.values_list("opened_at", "close", "revision"))
    coingecko.asked.clear()
    assert count_in(fetch("bitcoin-usd-1h")) == 0
    assert list(market.candles.values_list("opened_at", "close", "revision")) == before
    assert len(coingecko.asked) == 1


def test_an_hour_later_there_is_one_candle_more(market, coingecko, set_clock):
    fetch("bitcoin-usd-1h", "--since", "2026-11-20")
    set_clock("2026-11-23T10:59:00Z")
    fetch("bitcoin-usd-1h")
    newest = market.newest()
    set_clock("2026-11-23T11:59:00Z")
    said = fetch("bitcoin-usd-1h")
    assert (count_in(said), market.newest() - newest) == (1, timedelta(hours=1))


def test_a_market_in_trouble_does_not_stop_the_others(market):
    for coin in ("ethereum", "unheard-of"):
        claim_market(f"{coin}-usd-1h", source="coingecko")
    claim_market("dogecoin-usd-1h", source="csv")
    with pytest.raises(Refused, match=r"^unheard-of-usd-1h: CoinGecko knows no coin of that id"):
        fetch("--all", "--since", "2026-11-20")
    assert market.candles.exists()
    assert "knows no coin" in FetchState.objects.get(market__coin="unheard-of").error
    assert list(FetchState.objects.filter(error="").values_list("market__coin", flat=True)) == ["bitcoin", "ethereum"]


def test_that_there_is_no_market_to_ask_is_said(db):
    claim_market("dogecoin-usd-1h", source="csv")
    assert fetch("--all") == "no market has a source to ask: add one with manage.py add_market\n"


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        ([], Invalid, "name one market, or say --all"),
        (["bitcoin-usd-1h", "--all"], Invalid, "name one market, or say --all"),
        (["dogecoin-usd-1h"], Unknown, "no market is called 'dogecoin-usd-1h'"),
        (
            ["bitcoin-usd-1h", "--since", "yesterday"],
            CommandError,
            "--since: 'yesterday' is no moment: write 2024-01-31",
        ),
        (["bitcoin-usd-1h", "--since", "2027-01-01"], Invalid, "has closed yet"),
        (["bitcoin-usd-1h", "--since", "2020-01-01"], Invalid, "no candle that opened before 2025-11-23 10:00 UTC"),
    ],
)
def test_what_cannot_be_fetched_is_refused_in_a_sentence(market, words, kind, said):
    with pytest.raises(kind, match=said):
        fetch(*words)
    assert not market.candles.exists()
