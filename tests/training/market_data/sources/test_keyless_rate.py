"""At its default limit without a key, nobody is ever told that it was too much; takes more than a minute."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.training.market_data.sources.asking import DAY, NOW, candles
from training.market_data.sources.coingecko.source import CoinGecko


@pytest.mark.long
def test_several_workers_fetch_years_of_hours_without_a_429(coingecko, settings, servers):
    settings.COINGECKO_RATE_LIMIT = coingecko.calls_per_minute = 5
    answered = []
    original = coingecko.answer
    coingecko.answer = lambda asked: answered.append(original(asked)) or answered[-1]
    began = time.monotonic()
    with ThreadPoolExecutor(4) as workers:
        found = list(workers.map(lambda _: candles(CoinGecko(), start=NOW - 170 * DAY), range(4)))
    assert [len(hours) for hours in found] == [170 * 24] * 4
    assert [answer.status for answer in answered] == [200] * 8
    assert time.monotonic() - began > 60
