"""A new market: which coin is meant is never guessed, and nothing is made before all of it is known to be right."""

import socket
import time
from io import StringIO

import pytest
from django.core.management import call_command

from cryptoml_site.errors import Invalid, Refused, Unavailable, Unknown
from registry.models import RegisteredModel
from tests.training.market_data.shelf import Shelf
from training.market_data import add
from training.market_data.add import AmbiguousCoin, add_market
from training.market_data.fetch import fetch_candles
from training.market_data.markets import claim_market
from training.market_data.sources.catalogue import attribution_of
from training.market_data.sources.source import Coin
from training.models import Market

pytestmark = pytest.mark.django_db
BITCOIN = Coin("bitcoin", "btc", "Bitcoin")
BATCAT = Coin("batcat", "btc", "batcat")


@pytest.fixture
def shelf(monkeypatch):
    """What every source is, whatever it is called."""
    source = Shelf()
    source.known = [BITCOIN, BATCAT, Coin("solana", "sol", "Solana"), Coin("x" * 41, "long", "Long")]
    monkeypatch.setattr(add, "source_named", lambda name, **_: source)
    return source


def test_a_market_is_made_with_its_model_and_without_candles(shelf):
    added = add_market("bitcoin", "usd", "1h")
    market = Market.objects.get()
    assert (market.name, market.coin, market.currency, market.interval) == ("bitcoin-usd-1h", "bitcoin", "usd", "1h")
    assert (market.source, market.candles.count()) == ("coingecko", 0)
    assert RegisteredModel.objects.get().market == "bitcoin-usd-1h"
    assert (added.market, str(added)) == (market, "bitcoin-usd-1h is made: Bitcoin (btc) from coingecko")


@pytest.mark.parametrize("wanted", ["sol", "Solana", " solana "])
def test_a_coin_is_found_by_its_id_or_by_what_it_alone_is_called(shelf, wanted):
    assert add_market(wanted, "USD", "1d").market.name == "solana-usd-1d"


def test_a_symbol_of_several_coins_is_listed_and_nothing_is_made(shelf):
    with pytest.raises(AmbiguousCoin) as refused:
        add_market("btc", "usd", "1h")
    assert str(refused.value) == (
        "2 coins are called 'btc': name the one that is meant by its id:\n"
        "  bitcoin (btc, Bitcoin)\n"
        "  batcat (btc, batcat)"
    )
    assert (refused.value.code, refused.value.field) == ("ambiguous_coin", "coin")
    assert not Market.objects.exists()
    assert not RegisteredModel.objects.exists()


def test_an_endless_list_of_coins_is_cut(shelf):
    shelf.known = [Coin(f"coin-{number}", "btc", "B") for number in range(40)]
    with pytest.raises(AmbiguousCoin, match=r"40 coins are called(.|\n)*\n  and 10 more$"):
        add_market("btc", "usd", "1h")


@pytest.mark.parametrize(
    ("near", "said"), [([], "by its id, its symbol or its name"), ([BITCOIN], r"meant\? bitcoin \(btc, Bitcoin\)")]
)
def test_an_unknown_coin_is_said_to_be_unknown_with_what_may_have_been_meant(shelf, monkeypatch, near, said):
    monkeypatch.setattr(shelf, "near", lambda wanted: near)
    with pytest.raises(Unknown, match=said) as refused:
        add_market("bitcion", "usd", "1h")
    assert (refused.value.code, refused.value.field, Market.objects.exists()) == ("coin_unknown", "coin", False)


@pytest.mark.parametrize(
    ("coin", "currency", "interval", "field", "said"),
    [
        ("bitcoin", "usd", "2h", "interval", "'2h' is no interval that we know: 1m, 5m, 15m, 1h, 4h, 1d"),
        ("long", "usd", "1h", "coin", "has more than 40 characters"),
        ("bitcoin", "dollar", "1h", "currency", "no dollars here"),
    ],
)
def test_what_cannot_be_had_is_refused_by_field_and_nothing_is_made(
    shelf, monkeypatch, coin, currency, interval, field, said
):
    def check(coin, currency, interval):
        if currency != "usd":
            raise Invalid("no dollars here", field="currency")

    monkeypatch.setattr(shelf, "check", check)
    with pytest.raises(Refused, match=said) as refused:
        add_market(coin, currency, interval)
    assert (refused.value.field, Market.objects.exists()) == (field, False)


@pytest.mark.parametrize(
    ("coin", "currency", "field", "said"),
    [
        ("", "usd", "coin", "name a coin, by its id, its symbol or its name"),
        (" ", "usd", "coin", "name a coin"),
        ("../../x", "usd", "coin", "no coin can be called '../../x'"),
        ("bit\\coin", "usd", "coin", "no coin can be called"),
        ("bit\x00coin", "usd", "coin", r"no coin can be called 'bit\\x00coin'"),
        ("x" * 101, "usd", "coin", "of 100 characters at most"),
        ("bitcoin", "", "currency", "no currency can be called ''"),
        ("bitcoin", "us/d", "currency", "no currency can be called 'us/d'"),
    ],
)
def test_what_no_source_can_have_is_refused_before_any_is_asked(monkeypatch, coin, currency, field, said):
    monkeypatch.setattr(add, "source_named", None)
    with pytest.raises(Invalid, match=said) as refused:
        add_market(coin, currency, "1h")
    assert (refused.value.code, refused.value.field) == (f"bad_{field}", field)


def test_a_source_whose_own_code_fails_is_told_by_name(shelf, monkeypatch):
    monkeypatch.setattr(shelf, "coins", lambda wanted: {}["coins"])
    with pytest.raises(Refused, match=r"^shelf failed in coins\(\) \(KeyError: 'coins'\); its author") as refused:
        add_market("bitcoin", "usd", "1h")
    assert (refused.value.code, refused.value.field, Market.objects.exists()) == ("bad_source", "source", False)


def test_a_source_that_does_not_answer_leaves_nothing_behind(shelf, monkeypatch):
    def away(wanted):
        raise Unavailable("no network", code="source_unavailable")

    monkeypatch.setattr(shelf, "coins", away)
    with pytest.raises(Unavailable):
        add_market("bitcoin", "usd", "1h")
    assert not Market.objects.exists()


def test_a_source_that_there_is_not_is_named():
    with pytest.raises(Unknown, match="no source is called 'crystal-ball'") as refused:
        add_market("bitcoin", "usd", "1h", source="crystal-ball")
    assert refused.value.field == "source"


# --- markets that are there already ---


def test_a_market_that_is_there_stays_as_it_is(shelf):
    add_market("bitcoin", "usd", "1h")
    assert str(add_market("bitcoin", "usd", "1h")) == "bitcoin-usd-1h is there already, from coingecko"
    assert (Market.objects.count(), RegisteredModel.objects.count()) == (1, 1)


def test_a_market_of_csv_files_is_carried_on_by_the_source(shelf):
    claim_market("bitcoin-usd-1h", source="csv")
    assert "keeps its candles from csv; newer ones come from coingecko" in str(add_market("bitcoin", "usd", "1h"))
    assert Market.objects.get().source == "coingecko"
    assert claim_market("bitcoin-usd-1h", source="csv").source == "coingecko"  # a file may still be loaded


@pytest.mark.parametrize(("held", "simulation"), [("ccxt:kraken", None), ("simulated", {})])
def test_a_market_of_another_source_is_refused(shelf, held, simulation):
    claim_market("bitcoin-usd-1h", source=held, simulation=simulation)
    with pytest.raises(Refused, match=f"comes from '{held}'") as refused:
        add_market("bitcoin", "usd", "1h")
    assert (refused.value.code, Market.objects.get().source) == ("other_source", held)


# --- a source outside this repository ---

METALS = """
from datetime import timedelta

from training.market_data.parsed import ParsedCandle
from training.market_data.sources.source import Coin, MarketSource


class Metals(MarketSource):
    attribution = "Weighed by hand"

    def coins(self, wanted):
        return [Coin("gold", "xau", "Gold")] if wanted in ("gold", "xau") else []

    def check(self, coin, currency, interval):
        pass

    def oldest(self, interval, *, at):
        return at - timedelta(days=10)

    def candles(self, coin, currency, interval, *, start, end):
        while start < end:
            yield [ParsedCandle(start, None, None, None, 2000.0, None, None)]
            start += timedelta(days=1)
"""


def test_a_class_of_a_users_own_package_is_a_source_like_ours(tmp_path, monkeypatch, set_clock):
    (tmp_path / "metals.py").write_text(METALS)
    monkeypatch.syspath_prepend(tmp_path)
    run("xau", "usd", "1d", "--source", "metals.Metals")
    market = Market.objects.get()
    assert (market.name, market.source, attribution_of(market.source)) == (
        "gold-usd-1d",
        "metals.Metals",
        "Weighed by hand",
    )
    assert fetch_candles(market).stored.inserted == market.candles.count() == 9  # the tenth began before it reaches


# --- the command, against the stand-in ---


def run(*words, err=None):
    out = StringIO()
    call_command("add_market", *words, stdout=out, stderr=err or StringIO())
    return out.getvalue()


def test_the_command_says_what_comes_next(coingecko):
    assert run("bitcoin", "usd", "1h") == (
        "bitcoin-usd-1h is made: Bitcoin (btc) from coingecko\n"
        "Next: manage.py fetch_candles bitcoin-usd-1h, then manage.py train bitcoin-usd-1h\n"
    )


@pytest.mark.parametrize(
    ("words", "field", "said"),
    [
        (["btc", "usd", "1h"], "coin", r"bitcoin \(btc, Bitcoin\)\n  batcat \(btc, batcat\)"),
        (["bitcion", "usd", "1h"], "coin", r"is one of these meant\? bitcoin \(btc, Bitcoin\)"),
        (["bitcoin", "usdt", "1h"], "currency", "usdt"),
        (["bitcoin", "usd", "1m"], "interval", "1m"),
    ],
)
def test_what_coingecko_does_not_have_is_refused(coingecko, words, field, said):
    with pytest.raises(Refused, match=said) as refused:
        run(*words)
    assert (refused.value.field, Market.objects.exists()) == (field, False)


def test_the_command_says_whom_it_waits_for(coingecko):
    err = StringIO()
    run(" bitcoin", "usd", "1h", err=err)
    assert err.getvalue() == "Asking coingecko for bitcoin ...\n"


def test_a_host_where_nobody_listens_is_given_up_within_ten_seconds(settings):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings.COINGECKO_URL = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(Unavailable, match="look at the network, then try again"):
            run("bitcoin", "usd", "1h")
    assert 2 < time.monotonic() - began < 12
