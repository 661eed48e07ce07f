"""A coin is found, never guessed."""

import pytest

from cryptoml_site.errors import Invalid, Unavailable, Unknown
from tests.training.market_data.sources import stand_in
from tests.training.market_data.sources.faults import Answer, told
from training.models import Interval


def ids(coins):
    return [coin.id for coin in coins]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("bitcoin", ["bitcoin"]),  # its id, although another's symbol
        (" Bitcoin ", ["bitcoin"]),
        ("btc", ["bitcoin", "batcat"]),
        ("BTC", ["bitcoin", "batcat"]),
        ("HarryPotterObamaSonic10Inu (ETH)", ["harrypotterobamasonic10inu"]),
        ("bit", []),
        ("", []),
    ],
)
def test_an_id_wins_and_a_symbol_gives_all_who_share_it(source, wanted, found):
    assert ids(source().coins(wanted)) == found


def test_a_coin_reads_as_a_person_would_tell_it_apart(source):
    assert [str(coin) for coin in source().coins("btc")] == ["bitcoin (btc, Bitcoin)", "batcat (btc, batcat)"]


def test_what_is_there_passes(source):
    for interval in (Interval.FIVE_MINUTES, Interval.HOUR, Interval.DAY):
        source().check("bitcoin", "usd", interval)


def test_a_symbol_in_place_of_an_id_is_answered_with_the_ids(source):
    with pytest.raises(Unknown, match=r"by the id 'btc'; .* knows bitcoin \(btc, Bitcoin\), batcat") as unknown:
        source().check("btc", "usd", Interval.HOUR)
    assert (unknown.value.code, unknown.value.field) == ("coin_unknown", "coin")


def test_many_of_a_symbol_are_not_all_spelt_out(coingecko, source, monkeypatch):
    many = [(f"coin-{number}", "x", f"Coin {number}") for number in range(500)]
    monkeypatch.setattr(stand_in, "COINS", many)
    assert len(source().coins("x")) == 500
    with pytest.raises(Unknown) as unknown:
        source().check("x", "usd", Interval.HOUR)
    assert len(str(unknown.value)) < 1_000


def test_a_currency_that_it_does_not_know_is_answered_with_those_that_it_does(source):
    with pytest.raises(Invalid, match=r"no prices in 'usdt', but in btc, eth, usd") as invalid:
        source().check("bitcoin", "usdt", Interval.HOUR)
    assert (invalid.value.code, invalid.value.field) == ("currency_unknown", "currency")


def test_the_lists_are_asked_for_once_an_hour(coingecko, source, times):
    for _ in range(3):
        source().check("bitcoin", "usd", Interval.HOUR)
    lists = ["/api/v3/simple/supported_vs_currencies", "/api/v3/coins/list"]
    assert coingecko.paths == lists
    times.seconds += 3_601
    source().check("bitcoin", "usd", Interval.HOUR)
    assert coingecko.paths == lists * 2


def test_a_coin_without_a_name_hides_no_other(coingecko, source, monkeypatch):
    monkeypatch.setattr(stand_in, "COINS", [("nameless", None, None), ("bitcoin", "btc", "Bitcoin")])
    assert ids(source().coins("btc")) == ["bitcoin"]
    assert ids(source().near("bitcion")) == ["bitcoin"]


@pytest.mark.parametrize(
    "answer", [told(200, {}), told(200, ["bitcoin"]), told(200, [{"id": "bitcoin"}]), Answer(200, "null")]
)
def test_what_is_no_list_of_coins_is_said_to_be_none(coingecko, source, answer):
    coingecko.faults.append(answer)
    with pytest.raises(Unavailable, match="/coins/list with something else"):
        source().coins("bitcoin")
