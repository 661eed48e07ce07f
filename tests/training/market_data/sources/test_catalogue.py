"""A market's source is found by its name, a user's own class too."""

import importlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from cryptoml_site.embedded.home import SITE
from cryptoml_site.errors import Invalid, Refused, Unknown
from training.market_data.sources.catalogue import attribution_of, source_named
from training.market_data.sources.coingecko.source import CoinGecko
from training.models import Interval

MINE = '''
from training.market_data.parsed import ParsedCandle
from training.market_data.sources.source import Coin, MarketSource


class Mine(MarketSource):
    attribution = "Made at home"

    def coins(self, wanted):
        return [Coin("gold", "xau", "Gold")] if wanted in ("gold", "xau") else []

    def check(self, coin, currency, interval):
        pass

    def oldest(self, interval, *, at):
        return None

    def candles(self, coin, currency, interval, *, start, end):
        yield [ParsedCandle(start, None, None, None, 42.0, None, None)]


class Demanding(Mine):
    def __init__(self, password):
        pass


class Moody(Mine):
    def __init__(self):
        raise ValueError("not today")


class Half(MarketSource):
    """Without candles."""


class Stranger:
    pass


made = Mine()
'''


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """A user's package outside this repository."""
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "__init__.py").write_text("from acme.sources import Mine\n")
    (tmp_path / "acme" / "sources.py").write_text(MINE)
    (tmp_path / "acme" / "broken.py").write_text("import no_such_package\n")
    (tmp_path / "acme" / "faulty.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for module in [name for name in sys.modules if name.partition(".")[0] == "acme"]:
        del sys.modules[module]
    importlib.invalidate_caches()


def test_coingecko_is_known_by_its_name():
    found = source_named("coingecko")
    assert isinstance(found, CoinGecko)
    assert found.name == "coingecko"
    assert "Data provided by CoinGecko" in found.attribution


def test_patience_is_the_callers(acme):
    assert source_named("coingecko").patience == 300
    assert source_named("coingecko", patience=5).patience == 5
    assert source_named("acme.sources.Mine", patience=5).patience == 5


def test_a_users_own_class_is_a_source_like_ours(acme):
    found = source_named("acme.sources.Mine")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert (found.name, source_named("acme.Mine").name) == ("acme.sources.Mine", "acme.Mine")
    assert [str(coin) for coin in found.coins("xau")] == ["gold (xau, Gold)"]
    (page,) = found.candles("gold", "usd", Interval.DAY, start=start, end=start + timedelta(days=1))
    assert [candle.close for candle in page] == [42.0]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("coingekko", "no source is called 'coingekko': name coingecko, ccxt:EXCHANGE, or a class by its dotted path"),
        ("", "no source is called ''"),
        ("csv", "no source is called 'csv'"),
        ("acme.sauces.Mine", r"'acme.sauces.Mine' cannot be imported here .*No module named 'acme.sauces'"),
        ("acme.sources.Yours", r'cannot be imported here .*does not define a "Yours"'),
        ("acme.broken.Mine", r"cannot be imported here .*No module named 'no_such_package'"),
        ("acme.faulty.Mine", r"cannot be imported here \(ZeroDivisionError"),
        ("..sources.Mine", "is no dotted path"),
        ("acme..Mine", "is no dotted path"),
        (".Mine", "is no dotted path"),
        ("acme.sources.", "is no dotted path"),
        ("acme/sources.Mine", "is no dotted path"),
    ],
)
def test_a_name_that_leads_nowhere_says_why(acme, name, said):
    with pytest.raises(Unknown, match=said) as unknown:
        source_named(name)
    assert (unknown.value.code, unknown.value.field) == ("unknown_source", "source")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("acme.sources.Stranger", "is no MarketSource: make it a subclass of training.market_data.sources.source's"),
        ("acme.sources.made", "is no MarketSource"),
        ("acme.sources.Half", r"cannot be made without arguments: .*abstract"),
        ("acme.sources.Demanding", r"cannot be made without arguments: .*password"),
        ("acme.sources.Moody", r"acme.sources.Moody cannot be made \(ValueError: not today\)"),
        ("os.path.join", "is no MarketSource"),
        ("acme.sources." + "M" * 40, "has 53 characters, a market holds 40"),
    ],
)
def test_a_name_that_leads_to_something_else_says_what_is_wrong_with_it(acme, name, said):
    with pytest.raises(Invalid, match=said) as invalid:
        source_named(name)
    assert (invalid.value.code, invalid.value.field) == ("bad_source", "source")


def test_an_exchange_without_the_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ccxt", None)
    with pytest.raises(Refused, match=r"\(ccxt\): pip install -r requirements-exchanges.txt") as refused:
        source_named("ccxt:binance")
    assert (refused.value.code, refused.value.field) == ("extra_missing", "source")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("coingecko", "Data provided by CoinGecko, https://www.coingecko.com"),
        ("ccxt:binance", ""),
        ("csv", ""),
        ("simulated", ""),
        ("acme.sources.Mine", "Made at home"),
        ("acme.sauces.Mine", ""),
        ("acme.faulty.Mine", ""),
        ("acme.sources.Stranger", ""),
    ],
)
def test_a_provider_is_named_where_it_asks_for_it(acme, name, said):
    assert attribution_of(name) == said


def test_naming_a_provider_imports_no_client():
    setup = "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'cryptoml_site.settings'; django.setup()"
    asked = "from training.market_data.sources.catalogue import attribution_of; attribution_of('coingecko')"
    told = "sys.exit(' '.join({'httpx', 'tenacity', 'ccxt'} & set(sys.modules)))"
    command = [sys.executable, "-c", f"{setup}; {asked}; {told}"]
    assert subprocess.run(command, cwd=SITE, capture_output=True, text=True).stderr == "\n"
