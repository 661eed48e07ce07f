"""The markets that `up` starts with: CSV files, CoinGecko or an exchange; and what it does without a network."""

import time
from threading import Event

import pytest

from cryptoml_site import real_markets
from cryptoml_site.errors import Invalid, Refused
from cryptoml_site.real_markets import load_real_markets, reachable
from registry.models import RegisteredModel
from tests.factories import make_version
from tests.training.market_data.sources.faults import KEY_MISSING, OUT_OF_ORDER
from tests.training.market_data.sources.stand_in import StandIn
from training.market_data.markets import claim_market
from training.models import FetchState, Market

pytestmark = pytest.mark.django_db
NOBODY = "http://127.0.0.1:9/api/v3"
YEAR = 365 * 24  # hours
WINDOW = 89 * 24
HEADER = "timestamp,open,high,low,close,volume\n"


@pytest.fixture
def coingecko(settings, set_clock, monkeypatch):
    """Nothing is chosen: neither a folder nor a source. It is 2026-11-23 10:00 UTC."""
    settings.MARKET_SOURCE, settings.MARKETS, settings.CRYPTOML_DATA_DIR = "", [], None
    with StandIn() as stand_in:
        settings.COINGECKO_URL, settings.COINGECKO_API_KEY = stand_in.url, ""
        settings.COINGECKO_KEY_KIND, settings.COINGECKO_RATE_LIMIT = "demo", 1_000_000
        yield stand_in


@pytest.fixture
def said():
    return []


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(real_markets, "PATIENCE", 0.0)


def names(found):
    return [market.name for market in found]


def test_without_csv_files_it_is_the_year_of_hours_that_coingecko_gives_without_a_key(coingecko, said):
    [market] = load_real_markets(said.append)
    assert (market.name, market.source, market.candles.count()) == ("bitcoin-usd-1h", "coingecko", YEAR)
    assert len(coingecko.asked) == 5  # what may be asked in a minute: each one more would make a newcomer wait
    assert "bitcoin-usd-1h from coingecko" in said[0]
    assert f"{YEAR} inserted" in said[1]


def test_the_second_start_asks_for_the_newest_candles_alone(coingecko, said):
    load_real_markets(said.append)
    coingecko.asked.clear()
    assert names(load_real_markets(said.append)) == ["bitcoin-usd-1h"]
    assert len(coingecko.asked) == 1


def test_without_a_network_it_says_so_within_seconds_and_makes_nothing(coingecko, settings, said):
    settings.COINGECKO_URL = NOBODY
    began = time.monotonic()
    assert load_real_markets(said.append) == []
    assert time.monotonic() - began < 2
    assert "CoinGecko cannot be reached from here" in said[0]
    assert "simulated market alone" in said[1]
    assert not Market.objects.exists()


def test_when_the_network_fails_half_way_what_came_stays_and_the_next_start_goes_on_from_there(
    coingecko, settings, said, impatient
):
    answer = coingecko.answer
    coingecko.answer = lambda asked: answer(asked) if len(coingecko.asked) < 2 else OUT_OF_ORDER
    assert load_real_markets(said.append) == []
    assert Market.objects.get().candles.count() == 2 * WINDOW
    assert "502" in FetchState.objects.get().error
    assert "simulated market alone" in said[-1]

    coingecko.answer = answer
    coingecko.asked.clear()
    assert names(load_real_markets(said.append)) == ["bitcoin-usd-1h"]
    assert (Market.objects.get().candles.count(), len(coingecko.asked)) == (YEAR, 3)


def test_a_market_that_answers_already_goes_on_answering_without_a_network(coingecko, settings, said):
    claim_market("bitcoin-usd-1h", source="coingecko")
    make_version(model=RegisteredModel.objects.named("bitcoin-usd-1h")).promote(actor="user:o", reason="first")
    settings.COINGECKO_URL = NOBODY
    assert names(load_real_markets(said.append)) == ["bitcoin-usd-1h"]
    assert "answers from the candles that are stored" in said[-1]


def test_one_market_of_several_that_there_is_not_does_not_stop_the_others(coingecko, settings, said):
    settings.MARKETS = ["unheard-of-usd-1h", "ethereum-usd-1d"]
    assert names(load_real_markets(said.append)) == ["ethereum-usd-1d"]
    assert "unheard-of-usd-1h is not fetched: CoinGecko knows no coin of that id" in "".join(said)


def test_what_is_wrong_with_a_source_that_was_chosen_stops_the_start(coingecko, settings, said):
    settings.MARKET_SOURCE = "coingecko"
    coingecko.faults.append(KEY_MISSING)
    with pytest.raises(Refused) as refused:
        load_real_markets(said.append)
    assert refused.value.code == "key_refused"


def test_what_is_wrong_with_a_source_that_nobody_chose_is_said_and_the_start_goes_on(coingecko, said):
    coingecko.faults.append(KEY_MISSING)
    assert load_real_markets(said.append) == []
    assert "check COINGECKO_API_KEY" in "".join(said)


def test_a_coin_without_candles_is_no_market_to_start_with(coingecko, said):
    coingecko.quotes["bitcoin"].at = lambda stamp: None
    assert load_real_markets(said.append) == []
    assert "has no candles of bitcoin-usd-1h" in "".join(said)


def test_simulated_asks_nobody(coingecko, settings, said):
    settings.MARKET_SOURCE = "simulated"
    assert (load_real_markets(said.append), coingecko.asked) == ([], [])
    assert said == ["Market data: the simulated market alone, for MARKET_SOURCE says so"]


@pytest.mark.parametrize("source", ["crystal-ball", "coingeko", "nowhere.Source"])
def test_a_source_that_there_is_not_is_refused(coingecko, settings, source):
    settings.MARKET_SOURCE = source
    with pytest.raises(Invalid, match="choose csv, coingecko, simulated or ccxt:EXCHANGE") as refused:
        load_real_markets(print)
    assert refused.value.field == "MARKET_SOURCE"


# --- CSV files ---


@pytest.fixture
def folder(coingecko, settings, tmp_path):
    (tmp_path / "bitcoin_daily.csv").write_text(f"{HEADER}2024-01-01T00:00:00Z,10,12,9,11,5\n")
    settings.CRYPTOML_DATA_DIR = tmp_path
    return tmp_path


def test_csv_files_come_first_and_nobody_is_asked(folder, coingecko, said):
    assert names(load_real_markets(said.append)) == ["bitcoin-usd-1d"]
    assert (Market.objects.get().source, coingecko.asked) == ("csv", [])


def test_a_market_that_is_fetched_by_now_is_not_taken_back_to_its_file(folder, said):
    claim_market("bitcoin-usd-1d", source="coingecko")
    assert names(load_real_markets(said.append)) == ["bitcoin-usd-1d"]
    assert not Market.objects.get().candles.exists()
    assert "is fetched from coingecko" in said[0]


def test_csv_without_a_folder_is_refused(coingecko, settings):
    settings.MARKET_SOURCE = "csv"
    with pytest.raises(Invalid) as refused:
        load_real_markets(print)
    assert refused.value.field == "CRYPTOML_DATA_DIR"


# --- whether there is a network ---


def test_somebody_who_listens_is_reachable(coingecko):
    assert reachable(coingecko.url)
    assert coingecko.asked == []


def test_a_name_server_that_hangs_costs_a_few_seconds(monkeypatch):
    over = Event()

    def hang(*_, **__):
        over.wait()
        raise OSError("no such host")

    monkeypatch.setattr(real_markets, "QUICK", -0.8)
    monkeypatch.setattr(real_markets.socket, "create_connection", hang)
    assert not reachable("https://api.example.org")
    over.set()


@pytest.mark.parametrize(
    ("url", "environment", "hop"),
    [
        ("https://api.example.org/api/v3", {}, ("api.example.org", 443)),
        ("http://127.0.0.1:81/api", {}, ("127.0.0.1", 81)),
        ("https://api.example.org", {"https_proxy": "http://proxy.example.org:3128"}, ("proxy.example.org", 3128)),
        ("https://a.org", {"https_proxy": "http://proxy.org:3128", "no_proxy": "a.org"}, ("a.org", 443)),
    ],
)
def test_a_proxy_is_what_is_looked_for_where_the_environment_names_one(monkeypatch, url, environment, hop):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert real_markets._first_hop(url) == hop
