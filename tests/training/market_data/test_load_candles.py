from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from threading import Barrier

import pytest
from django.core.management import call_command
from django.db import connection

from cryptoml_site.errors import Invalid, Refused
from registry.models import RegisteredModel
from training.market_data.load import load_candles
from training.market_data.simulate import simulate_candles
from training.market_data.store import StoreReport
from training.models import Candle, Interval, Market

pytestmark = pytest.mark.django_db
HEADER = "timestamp,open,high,low,close,volume\n"


@pytest.fixture(autouse=True)
def _clock(set_clock):
    """It is 2026-11-23 10:00 UTC."""


@pytest.fixture
def csv(tmp_path):
    def write(*lines):
        (tmp_path / "candles.csv").write_text(HEADER + "".join(f"{line}\n" for line in lines))
        return tmp_path / "candles.csv"

    return write


def days(count, *, close=11):
    first = datetime(2024, 1, 1, tzinfo=UTC)
    return [f"{(first + timedelta(days=day)).isoformat()},10,12,9,{close},5" for day in range(count)]


def test_a_new_market_comes_with_its_registered_model(csv):
    report = load_candles("usd-coin-eur-1d", csv(*days(3)))
    market = Market.objects.get()
    assert (market.coin, market.currency, market.interval, market.source) == ("usd-coin", "eur", Interval.DAY, "csv")
    assert list(RegisteredModel.objects.values_list("name", "market", "horizon")) == [(market.name, market.name, 1)]
    assert (report.stored, market.candles.count()) == (StoreReport(inserted=3), 3)


def test_the_same_file_again_changes_nothing(csv):
    load_candles("bitcoin-usd-1d", csv(*days(3)))
    assert load_candles("bitcoin-usd-1d", csv(*days(4))).stored == StoreReport(inserted=1, unchanged=3)
    assert RegisteredModel.objects.count() == 1


def test_one_bad_line_and_nothing_is_stored(csv):
    with pytest.raises(Invalid, match="1 of 4 rows are refused, so nothing was stored") as refusal:
        load_candles("bitcoin-usd-1d", csv(*days(3), "2024-01-04T00:00:00Z,10,12,9,-1,5"))
    assert "line 5: close is -1" in str(refusal.value)
    assert [note["line"] for note in refusal.value.evidence] == [5]
    assert not Market.objects.exists()
    assert not RegisteredModel.objects.exists()


def test_many_bad_lines_are_counted_and_the_first_are_spelt_out(csv):
    with pytest.raises(Invalid, match="and 30 more") as refusal:
        load_candles("bitcoin-usd-1d", csv(*["nonsense"] * 50))
    assert len(refusal.value.evidence) == 50


def test_bad_lines_are_skipped_when_asked(csv):
    bad = "2024-01-04T00:00:00Z,10,12,9,-1,5"
    report = load_candles("bitcoin-usd-1d", csv(*days(3), bad), skip_bad_lines=True)
    assert (report.stored.inserted, [note.line for note in report.file.refused]) == (3, [5])


def test_a_candle_that_still_forms_is_reported_and_left_out(csv):
    report = load_candles(
        "bitcoin-usd-1d", csv("2026-11-22T00:00:00Z,10,12,9,11,5", "2026-11-23T00:00:00Z,10,12,9,11,5")
    )
    assert (report.stored.inserted, [note.line for note in report.file.not_closed]) == (1, [3])
    assert "not closed yet" in str(report)


def test_a_file_without_closed_candles_makes_no_market(csv):
    with pytest.raises(Refused) as refusal:
        load_candles("bitcoin-usd-1d", csv("2026-11-23T00:00:00Z,10,12,9,11,5"))
    assert refusal.value.code == "no_candles"
    assert not Market.objects.exists()


@pytest.mark.parametrize("name", ["bitcoin-usd", "Bitcoin-usd-1d", "bitcoin-usd-7d", "-usd-1d", "../x-usd-1d"])
def test_a_malformed_market_name_is_refused(csv, name):
    with pytest.raises(Invalid) as refusal:
        load_candles(name, csv(*days(1)))
    assert (refusal.value.code, refusal.value.field) == ("bad_market_name", "market")


def test_real_candles_never_meet_simulated_ones(csv):
    simulate_candles("demo-usd-1d", candles=3, seed=7)
    with pytest.raises(Refused) as refusal:
        load_candles("demo-usd-1d", csv(*days(3)))
    assert refusal.value.code == "other_source"
    assert Candle.objects.count() == 3


def test_the_command_prints_the_report(csv):
    out = StringIO()
    lines = days(5)
    del lines[2]
    call_command("load_candles", "--market", "bitcoin-usd-1d", "--csv", str(csv(*lines)), stdout=out)
    assert out.getvalue().splitlines() == [
        "bitcoin-usd-1d: 4 rows read, 4 inserted, 0 unchanged, 0 revised",
        "1 candles missing in 1 gaps:",
        "  1 missing from 2024-01-03 00:00",
    ]


def test_the_report_tells_how_many_volumes_are_unknown(csv):
    absent = ["2024-01-04T00:00:00Z,10,12,9,11,0", "2024-01-05T00:00:00Z,10,12,9,11,"]
    report = load_candles("bitcoin-usd-1d", csv(*days(3), *absent))
    assert "2 candles without a volume: the file leaves it out, or says 0, which means unknown" in str(report)
    assert "without a volume" not in str(load_candles("bitcoin-usd-1d", csv(*days(3))))


@pytest.mark.django_db(transaction=True)
def test_two_loaders_at_once_store_every_candle_once(csv):
    load_candles("bitcoin-usd-1d", csv(*days(1)))  # from now on only the market's lock is between them
    path, start = csv(*days(600)), Barrier(2)

    def load(_):
        start.wait()
        try:
            return load_candles("bitcoin-usd-1d", path).stored
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(load, range(2))
    assert first + second == StoreReport(inserted=599, unchanged=601)
    assert Candle.objects.count() == 600
