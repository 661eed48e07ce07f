from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import StringIO
from threading import Barrier

import pytest
from django.core.management import call_command
from django.db import connection

from cryptoml_site.errors import Invalid, Refused
from registry.models import RegisteredModel
from training.market_data.load import load_candles
from training.market_data.simulate import extend_simulated, law_of, simulate_candles
from training.market_data.simulation import Shift
from training.market_data.store import StoreReport
from training.models import Candle, Market

pytestmark = pytest.mark.django_db
NAME = "demo-usd-1h"


@pytest.fixture(autouse=True)
def clock(set_clock):
    """It is 2026-11-23 10:00 UTC."""
    return set_clock


def stored(name=NAME):
    columns = ("opened_at", "open", "high", "low", "close", "volume")
    return list(Candle.objects.filter(market__name=name).order_by("opened_at").values_list(*columns))


def test_the_newest_closed_candles_are_made():
    report = simulate_candles(NAME, candles=5, seed=7)
    hours = [candle[0] for candle in stored()]
    assert (hours[0], hours[-1], len(hours)) == (report.origin, datetime(2026, 11, 23, 9, tzinfo=UTC), 5)
    assert (stored()[0][1], report.stored) == (45_000, StoreReport(inserted=5))


def test_the_market_knows_its_law_and_has_a_model():
    shift = Shift(at=1_800_000_000, factor=2.5)
    simulate_candles(NAME, candles=5, seed=9, signal=0.1, pull=True, volatility_shift=shift)
    market = Market.objects.get()
    origin, law = law_of(market)
    assert (market.source, origin) == ("simulated", int(stored()[0][0].timestamp()))
    assert (law.seed, law.interval, law.signal, law.pull) == (9, 3_600, 0.1, True)
    assert (law.volatility_shift, law.volume_shift) == (shift, None)
    assert RegisteredModel.objects.get().market == market.name


def test_a_second_run_adds_nothing():
    simulate_candles(NAME, candles=5, seed=7)
    assert simulate_candles(NAME, candles=5, seed=7).stored == StoreReport()


@pytest.mark.parametrize("pull", [False, True])
def test_a_pause_is_filled_with_what_would_have_been(clock, pull):
    simulate_candles(NAME, candles=5, seed=7, pull=pull)
    clock("2026-11-25T10:30:00Z")
    assert simulate_candles(NAME, candles=5, seed=7, pull=pull).stored == StoreReport(inserted=48)
    paused = stored()
    Candle.objects.all().delete()
    extend_simulated(Market.objects.get())  # all of it at once, from the origin
    assert stored() == paused


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 8}, "seed 7, not 8"),
        ({"signal": 0.5}, "signal 0.2, not 0.5"),
        ({"pull": True}, "pull False, not True"),
        ({"volume_shift": Shift(at=0, factor=2.0)}, "volume_shift None, not {'at': 0, 'factor': 2.0}"),
        ({"turns_at": 0}, "turns_at None, not 0"),
    ],
)
def test_another_law_is_refused_by_its_difference(change, said):
    simulate_candles(NAME, candles=5, seed=7)
    with pytest.raises(Refused, match=said) as refusal:
        simulate_candles(NAME, **{"candles": 5, "seed": 7} | change)
    assert (refusal.value.code, refusal.value.field) == ("other_law", next(iter(change)))


def test_nothing_is_made_before_the_origin(clock):
    simulate_candles(NAME, candles=5, seed=7)
    clock("2026-11-23T12:00:00Z")
    with pytest.raises(Refused, match="7 closed candles ago") as refusal:
        simulate_candles(NAME, candles=8, seed=7)
    assert (refusal.value.code, refusal.value.evidence, len(stored())) == ("before_origin", {"most": 7}, 5)
    assert simulate_candles(NAME, candles=7, seed=7).stored.inserted == 2


@pytest.mark.parametrize("candles", [0, -1, 5_000_001])
def test_a_number_out_of_range_is_refused(candles):
    with pytest.raises(Invalid) as refusal:
        simulate_candles("demo-usd-1m", candles=candles, seed=7)
    assert (refusal.value.field, Market.objects.exists()) == ("candles", False)


def test_no_candle_is_older_than_1970():
    with pytest.raises(Invalid, match="ask for 1 to 20773"):
        simulate_candles("demo-usd-1d", candles=30_000, seed=7)


def test_a_real_market_is_not_carried_on(tmp_path):
    (tmp_path / "candles.csv").write_text("timestamp,price,market_cap,total_volume\n2024-01-01T00:00:00Z,1,1,1\n")
    load_candles(NAME, tmp_path / "candles.csv")
    for attempt in (lambda: simulate_candles(NAME, candles=5, seed=7), lambda: extend_simulated(Market.objects.get())):
        with pytest.raises(Refused) as refusal:
            attempt()
        assert refusal.value.code == "other_source"


def test_the_command_takes_shifts_by_moment():
    out = StringIO()
    shift = "3@2026-11-23T00:00:00Z"
    options = ["--market", NAME, "--candles", "5", "--signal", "0.5", "--volatility-shift", shift]
    call_command("simulate_candles", *options, stdout=out)
    _, law = law_of(Market.objects.get())
    assert (law.signal, law.seed, law.volatility_shift) == (0.5, 7, Shift.parse(shift))
    assert out.getvalue() == f"{NAME} (simulated since 2026-11-23 05:00 UTC): 5 inserted, 0 unchanged, 0 revised\n"


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_every_candle_once(clock):
    simulate_candles(NAME, candles=1, seed=7)  # from now on only the market's lock is between them
    clock("2026-12-23T10:00:00Z")
    start = Barrier(2)

    def simulate(_):
        start.wait()
        try:
            return simulate_candles(NAME, candles=720, seed=7).stored
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(simulate, range(2))
    assert first + second == StoreReport(inserted=720)
