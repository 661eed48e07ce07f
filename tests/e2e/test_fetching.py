"""Fetching by real processes: one is killed in the middle, and the next goes on; workers fetch what has closed."""

import os
import sys
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from cryptoml_site.celery import app
from cryptoml_site.embedded.home import SITE
from predictions.models import Forecast
from registry.models import RegisteredModel
from tests.e2e.conftest import Process, database_url, wait_for
from tests.factories import make_version
from tests.training.market_data.sources.stand_in import StandIn
from training.market_data.fetch import LOCK
from training.market_data.markets import claim_market
from training.models import CandleRevision, FetchState

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("celery")]
WINDOW, WINDOWS = 89 * 24, 9  # hours that one question covers; questions in two years


@pytest.fixture
def coingecko(set_clock, monkeypatch):
    """The stand-in, for the processes that this test starts."""
    with StandIn(pro=True) as stand_in:
        settings = {"URL": stand_in.url, "API_KEY": "CG-pro-key", "KEY_KIND": "pro", "RATE_LIMIT": "1000000"}
        for name, value in settings.items():
            monkeypatch.setenv(f"COINGECKO_{name}", value)
        yield stand_in


@pytest.fixture
def fetching(settings, tmp_path):
    """Starts `manage.py fetch_candles ...` on the test's database and clock."""
    started = []

    def start(*words):
        home, clock = str(settings.CRYPTOML_HOME), settings.CLOCK_FILE
        env = {**os.environ, "DATABASE_URL": database_url(), "CRYPTOML_HOME": home, "CRYPTOML_CLOCK_FILE": clock}
        argv = [sys.executable, str(SITE / "manage.py"), "fetch_candles", *words]
        started.append(Process(argv, env, tmp_path / f"fetching{len(started)}.log"))
        return started[-1]

    yield start
    for process in started:
        if process.popen.poll() is None:
            process.kill()


def locked():
    """Whether Postgres still holds a fetching process for alive."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = %s", [LOCK])
        return cursor.fetchone() is not None


def test_a_fetch_that_was_killed_loses_one_page_and_the_next_goes_on_from_there(coingecko, fetching):
    market = claim_market("bitcoin-usd-1h", source="coingecko")
    words = ("bitcoin-usd-1h", "--since", "2024-11-23")
    coingecko.seconds_per_answer = 0.5
    killed = fetching(*words)
    wait_for(lambda: len(coingecko.asked) >= 4 or killed.popen.poll() is not None)
    assert killed.popen.poll() is None, killed.log.read_text()
    killed.kill()
    wait_for(lambda: not locked())
    asked, held = len(coingecko.asked), market.candles.count()
    assert asked - 2 <= held / WINDOW <= asked

    again = fetching(*words)
    assert again.popen.wait(timeout=120) == 0, again.log.read_text()
    assert len(coingecko.asked) - asked <= WINDOWS - held // WINDOW + 1
    hours = (market.newest() - datetime(2024, 11, 23, tzinfo=UTC)) // timedelta(hours=1) + 1
    assert (market.candles.count(), hours) == (hours, 2 * 365 * 24 + 10)
    assert not CandleRevision.objects.exists()


def test_workers_fetch_what_has_closed_and_it_is_forecast(coingecko, set_clock, worker, settings, monkeypatch):
    coingecko.pro = False
    for name in ("API_KEY", "KEY_KIND"):
        monkeypatch.delenv(f"COINGECKO_{name}")
    bundles = {**settings.STORAGES["bundles"], "OPTIONS": {"location": settings.CRYPTOML_HOME / "bundles"}}
    settings.STORAGES = {**settings.STORAGES, "bundles": bundles}
    market = claim_market("bitcoin-usd-1h", source="coingecko")
    FetchState.objects.create(market=market)
    make_version(model=RegisteredModel.objects.named(market.name)).promote(actor="user:o", reason="first")
    worker("data")
    worker("fetching", "--pool", "threads", "--concurrency", "4")
    set_clock("2026-11-23T10:30:00Z")
    app.send_task("data.fetch_candles")
    wait_for(lambda: market.newest() == datetime(2026, 11, 23, 9, tzinfo=UTC) and not locked())
    set_clock("2026-11-23T11:20:00Z")
    app.send_task("data.fetch_candles")
    wait_for(lambda: market.newest() == datetime(2026, 11, 23, 10, tzinfo=UTC))
    app.send_task("data.follow_markets")
    wait_for(lambda: Forecast.objects.filter(as_of=datetime(2026, 11, 23, 10, tzinfo=UTC)).exists())
    wait_for(lambda: FetchState.objects.get().next_at == datetime(2026, 11, 23, 12, 1, tzinfo=UTC))
