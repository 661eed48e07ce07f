"""Each key goes to its own host, in its own header, and nowhere else."""

import logging

import pytest

from cryptoml_site.errors import Refused
from tests.training.market_data.sources import faults
from tests.training.market_data.sources.asking import DAY, NOW, candles
from tests.training.market_data.sources.stand_in import HEADERS
from training.market_data.sources.coingecko.access import Access


@pytest.mark.parametrize(
    ("key", "kind", "host"),
    [
        ("", "demo", "https://api.coingecko.com/api/v3"),
        ("", "pro", "https://api.coingecko.com/api/v3"),  # a kind without a key is none
        ("CG-x", "demo", "https://api.coingecko.com/api/v3"),
        ("CG-x", "pro", "https://pro-api.coingecko.com/api/v3"),
    ],
)
def test_each_kind_of_key_has_its_host(settings, key, kind, host):
    settings.COINGECKO_API_KEY, settings.COINGECKO_KEY_KIND, settings.COINGECKO_URL = key, kind, ""
    assert Access.by_settings().url == host
    settings.COINGECKO_URL = "https://mirror.example/v3"
    assert Access.by_settings().url == "https://mirror.example/v3"


@pytest.mark.parametrize(
    ("key", "kind", "sent"),
    [("", "demo", set()), ("CG-demo-key", "demo", {HEADERS["demo"]}), ("CG-pro-key", "pro", {HEADERS["pro"]})],
)
def test_a_key_is_sent_in_the_header_of_its_kind_alone(coingecko, source, settings, caplog, key, kind, sent):
    caplog.set_level(logging.DEBUG)
    settings.COINGECKO_API_KEY, settings.COINGECKO_KEY_KIND, coingecko.pro = key, kind, kind == "pro"
    assert len(candles(source(), start=NOW - DAY)) == 24
    (asked,) = coingecko.asked
    assert set(HEADERS.values()) & set(asked.headers) == sent
    assert [value for name, value in asked.headers.items() if name in sent] == [key] * len(sent)
    assert "CG-" not in str(asked.params) + caplog.text


def test_a_key_is_in_no_sentence_even_where_coingecko_repeats_it(coingecko, source, settings):
    settings.COINGECKO_API_KEY = "CG-demo-key"
    words = "x" * 190 + " CG-demo-key is wrong"  # cut in its middle, half of it would be left
    coingecko.faults.append(faults.nested(401, 10002, words))
    with pytest.raises(Refused) as refused:
        candles(source(), start=NOW - DAY)
    assert "CG-demo" not in str(refused.value)
    assert "CG-demo" not in repr(Access.by_settings())


def test_a_redirection_is_not_followed(coingecko, source, settings):
    settings.COINGECKO_API_KEY = "CG-demo-key"
    coingecko.faults.append(faults.Answer(302, "", {"Location": f"{coingecko.url}/elsewhere"}))
    with pytest.raises(Refused, match="302"):
        candles(source(), start=NOW - DAY)
    assert len(coingecko.asked) == 1


@pytest.mark.parametrize(
    "coin", ["../../admin", "a/b", "..", "bitcoin?x=1", "bitcoin#", "%2e%2e/simple/price", "é", ""]
)
def test_no_id_leads_out_of_the_path_of_coins(coingecko, source, coin):
    with pytest.raises(Refused):
        candles(source(), coin=coin, start=NOW - DAY)
    (asked,) = coingecko.asked
    assert asked.path.startswith("/api/v3/coins/") or asked.path == "/api/v3/market_chart/range"
    assert asked.params.keys() == {"vs_currency", "from", "to"}
