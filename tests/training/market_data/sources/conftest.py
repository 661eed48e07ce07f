"""A source on the stand-in, whose sleeps take no time."""

import pytest

from tests.training.market_data.sources.times import Times
from training.market_data.sources.coingecko.source import CoinGecko


@pytest.fixture
def times():
    return Times()


@pytest.fixture
def source(coingecko, settings, times):
    """CoinGecko as the settings have it when the test calls this; Valkey is away, so `times` alone sets the pace."""
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"

    def made():
        return CoinGecko(sleep=times.sleep, monotonic=times.monotonic)

    return made
