"""A stand-in of CoinGecko that the product is pointed at."""

import pytest

from tests.training.market_data.sources.stand_in import StandIn


@pytest.fixture
def coingecko(settings, set_clock):
    """By the site's clock, which `set_clock` drives, and without a limit that anybody would wait for."""
    with StandIn() as stand_in:
        settings.COINGECKO_URL, settings.COINGECKO_API_KEY = stand_in.url, ""
        settings.COINGECKO_KEY_KIND, settings.COINGECKO_RATE_LIMIT = "demo", 1_000_000
        yield stand_in
