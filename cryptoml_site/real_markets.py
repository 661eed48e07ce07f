"""Which real markets `up` starts with, and where their candles come from: the first source that works, said aloud."""

import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from django.conf import settings

from cryptoml_site.errors import Invalid, Refused, Unavailable, Unknown
from registry.models import ModelVersion
from training.market_data.fetch import fetch_candles
from training.market_data.load import load_candles
from training.market_data.markets import MarketName, claim_market
from training.market_data.sources.catalogue import source_named
from training.market_data.sources.coingecko.access import Access
from training.models import Market
from training.progress import candle_progress

Say = Callable[[str], None]

FILE_OF_INTERVAL = {"1d": "daily", "1h": "hourly"}
USUAL = {"csv": "bitcoin-usd-1d", "coingecko": "bitcoin-usd-1h"}
USUAL_OF_EXCHANGES = "btc-usdt-1h"  # they go by symbols, and nearly all of them trade against tether
PATIENCE = 90.0  # seconds that a question may wait: a minute of it for its turn
QUICK = 3.0  # seconds within which a network that is there lets a connection through


def load_real_markets(say: Say) -> list[Market]:
    """The markets of MARKETS with candles from MARKET_SOURCE: by default CSV files where a folder is named, else
    CoinGecko. Says what is used; a market that cannot be fetched is left out, unless it answers from what is stored."""
    source = settings.MARKET_SOURCE or ("csv" if settings.CRYPTOML_DATA_DIR else "coingecko")
    if source == "simulated":
        say("Market data: the simulated market alone, for MARKET_SOURCE says so")
        return []
    if source == "csv":
        return [_from_csv(name, say) for name in _names(source)]
    _refuse_unknown(source)
    fetched = [_fetched(name, source, say) for name in _names(source)]
    return [market for market in fetched if market is not None]


def reachable(url: str) -> bool:
    """Whether somebody answers there, or at the proxy before it, within a few seconds; no question is asked, for a
    provider counts them. A name server that hangs has no more time than the rest."""
    answered: list[bool] = []
    asking = Thread(target=lambda: answered.append(_connects(url)), daemon=True)
    asking.start()
    asking.join(QUICK + 1)
    return any(answered)


def _names(source: str) -> list[str]:
    names: list[str] = settings.MARKETS or [USUAL.get(source, USUAL_OF_EXCHANGES)]
    for name in names:
        MarketName.parse(name)
    return names


def _refuse_unknown(source: str) -> None:
    try:
        source_named(source)
    except (Unknown, Invalid) as refusal:
        raise Invalid(
            f"MARKET_SOURCE is '{source}': choose csv, coingecko, simulated or ccxt:EXCHANGE ({refusal})",
            code="unknown_source",
            field="MARKET_SOURCE",
        ) from None


def _from_csv(name: str, say: Say) -> Market:
    if settings.CRYPTOML_DATA_DIR is None:
        raise Invalid(
            "MARKET_SOURCE is 'csv' and CRYPTOML_DATA_DIR names no folder: name the one of your files",
            code="no_folder",
            field="CRYPTOML_DATA_DIR",
        )
    parts = MarketName.parse(name)
    file = Path(settings.CRYPTOML_DATA_DIR) / f"{parts.coin}_{FILE_OF_INTERVAL.get(parts.interval, parts.interval)}.csv"
    held = Market.objects.filter(name=name).first()
    if held is not None and held.fetched:
        say(f"Market data: {name} is fetched from {held.source}, so {file} is left alone")
        return held
    report = load_candles(name, file)
    say(f"Market data: {name} from {file}: {report.stored}")
    return Market.objects.named(name)


def _fetched(name: str, source: str, say: Say) -> Market | None:
    """None where its source does not give enough to begin with; the next start goes on from what was stored."""
    try:
        return _fetch(name, source, say)
    except Refused as refusal:
        answers = ModelVersion.objects.in_production().filter(model__name=name).exists()
        if settings.MARKET_SOURCE and not answers and not isinstance(refusal, Unavailable):
            raise
        say(f"Market data: {name} is not fetched: {refusal}")
    if answers:
        say(f"             {name} answers from the candles that are stored")
        return Market.objects.named(name)
    say("             Going on with the simulated market alone; the next start, or fetch_candles, goes on from here")
    return None


def _fetch(name: str, source: str, say: Say) -> Market:
    if source == "coingecko" and not reachable(Access.by_settings().url):
        raise Unavailable("CoinGecko cannot be reached from here: is there a network?", code="source_unavailable")
    market = claim_market(name, source=source)
    say(f"Market data: {name} from {source} (MARKET_SOURCE and MARKETS choose otherwise) ...")
    with candle_progress(f"fetching {name}") as progress:
        report = fetch_candles(market, patience=PATIENCE, progress=progress)
    if report.newest_closed_at is None:
        raise Unavailable(f"{source} has no candles of {name}", code="no_candles")
    say(f"Market data: {report}")
    return market


def _connects(url: str) -> bool:
    try:
        with closing(socket.create_connection(_first_hop(url), timeout=QUICK)):
            return True
    except OSError:
        return False


def _first_hop(url: str) -> tuple[str, int]:
    """Host and port of that address, or of the proxy that the environment names for it."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme) or getproxies().get("all")
    if proxy and not proxy_bypass(parts.hostname or ""):
        parts = urlsplit(proxy)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
