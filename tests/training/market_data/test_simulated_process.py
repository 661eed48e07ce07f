import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptoml_site.errors import Invalid
from training.market_data.simulation import Shift, SimulatedProcess, level_of

COLUMNS = ("opened_at", "open", "high", "low", "close", "volume")
ORIGIN = 29_000_000  # a step
MANY = 200_000
SHIFT = Shift(at=60 * (ORIGIN + 1_000), factor=3.0)


def process_of(**law):
    return SimulatedProcess(**{"seed": 7, "interval": 60} | law)


def log_returns(series):
    return np.log(series.close / series.open)


def autocorrelation(values, lag):
    return np.corrcoef(values[lag:], values[:-lag])[0, 1]


@settings(max_examples=40)
@given(
    cuts=st.sets(st.integers(1, 2_999), max_size=5),
    seed=st.integers(0, 2**63 - 1),
    signal=st.floats(0, 0.99),
    pull=st.booleans(),
    shift=st.sampled_from([None, SHIFT]),
    turns_at=st.sampled_from([None, SHIFT.at]),
)
def test_a_stretch_is_the_same_to_the_bit_however_it_is_cut(cuts, seed, signal, pull, shift, turns_at):
    process = process_of(
        seed=seed, signal=signal, pull=pull, volatility_shift=shift, volume_shift=shift, turns_at=turns_at
    )
    whole = process.candles(ORIGIN, 3_000)
    level, parts = 0, []
    for start, end in pairwise([0, *sorted(cuts), 3_000]):
        parts.append(process.candles(ORIGIN + start, end - start, level=level))
        level = level_of(parts[-1].close[-1])  # all that is stored of what went before
    for name in COLUMNS:
        joined = np.concatenate([getattr(part, name) for part in parts])
        assert joined.tobytes() == getattr(whole, name).tobytes()


def test_pieces_join_to_the_whole():
    process = process_of()
    pieces = list(process.stretches(ORIGIN, 2_500, at_once=1_000))
    assert [len(piece) for piece in pieces] == [1_000, 1_000, 500]
    assert np.concatenate([piece.close for piece in pieces]).tobytes() == process.candles(ORIGIN, 2_500).close.tobytes()


def test_the_first_candles_of_a_seed_never_change():
    candles = process_of().candles(ORIGIN, 3)
    assert candles.open[0] == 45_000
    assert candles.close.tolist() == [44996.1155427, 45048.5330029, 45030.0402324]


@pytest.mark.parametrize("interval", [60, 86_400])
def test_candles_are_whole_and_chained(interval):
    candles = process_of(interval=interval, seed=3).candles(10_000, 5_000)
    assert (candles.opened_at == interval * np.arange(10_000, 15_000)).all()
    assert (candles.open[1:] == candles.close[:-1]).all()
    assert (candles.low < np.minimum(candles.open, candles.close)).all()
    assert (candles.high > np.maximum(candles.open, candles.close)).all()
    assert (candles.low > 0).all()
    assert (candles.volume > 0).all()


@given(st.integers(-250 * 10**9, 250 * 10**9))
def test_a_level_is_recovered_from_its_close(level):
    close = process_of().candles(ORIGIN, 1, level=level).open[0]
    assert level_of(close) == level


@pytest.mark.parametrize("interval", [60, 3_600, 86_400])
def test_volatility_is_sixty_percent_a_year_at_every_interval(interval):
    returns = log_returns(process_of(interval=interval).candles(1_000, 20_000))
    assert returns.std() * math.sqrt(365 * 86_400 / interval) == pytest.approx(0.6, rel=0.02)


@pytest.mark.parametrize("signal", [0.0, 0.2, 0.5, 0.8])
def test_the_next_return_correlates_with_its_planted_part(signal):
    process = process_of(signal=signal)
    returns, planted = log_returns(process.candles(ORIGIN, MANY)), process.planted(ORIGIN, MANY)
    noise = 4 / math.sqrt(MANY)
    assert np.corrcoef(returns, planted)[0, 1] == pytest.approx(signal, abs=noise)
    assert ((returns > 0) == (planted > 0)).mean() == pytest.approx(0.5 + math.asin(signal) / math.pi, abs=noise / 2)


@pytest.mark.parametrize("signal", [0.0, 0.2, 0.5])
def test_the_planted_part_is_seen_in_the_volume_and_hardly_in_the_last_return(signal):
    candles, noise = process_of(signal=signal).candles(ORIGIN, MANY), 4 / math.sqrt(MANY)
    returns = log_returns(candles)
    assert np.corrcoef(np.log(candles.volume[:-1]), returns[1:])[0, 1] == pytest.approx(signal, abs=noise)
    assert autocorrelation(returns, 1) == pytest.approx(6 / 7 * signal**2, abs=noise)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_without_signal_nothing_can_be_foreseen(seed):
    returns = log_returns(process_of(seed=seed, signal=0.0).candles(ORIGIN, MANY))
    noise = 4 / math.sqrt(MANY)
    assert abs(returns.mean()) < noise * returns.std()
    for lag in range(1, 11):
        assert abs(autocorrelation(returns, lag)) < noise
        assert abs(autocorrelation(np.abs(returns), lag)) < noise


def test_returns_seven_steps_apart_are_uncorrelated():
    process = process_of(signal=0.5)
    returns = log_returns(process.candles(ORIGIN, MANY))
    assert abs(autocorrelation(returns, 7)) < 5 / math.sqrt(MANY)


def test_the_pull_halves_an_offset_in_three_months():
    process = process_of(interval=86_400, pull=True)
    free, pulled = process_of(interval=86_400).candles(1_000, 89), process.candles(1_000, 89)
    far = process.candles(1_000, 89, level=2 * 10**9)
    assert not np.array_equal(free.close, pulled.close)
    assert math.log(far.close[-1] / pulled.close[-1]) == pytest.approx(1.0, abs=0.01)


def test_a_volatility_shift_scales_returns_from_its_moment_on():
    calm = process_of().candles(ORIGIN, 3_000)
    wild = process_of(volatility_shift=SHIFT).candles(ORIGIN, 3_000)
    np.testing.assert_array_equal(wild.close[:1_000], calm.close[:1_000])
    np.testing.assert_allclose(log_returns(wild)[1_000:], 3 * log_returns(calm)[1_000:], atol=1e-8)


def test_a_volume_shift_scales_volumes_alone():
    plain, shifted = process_of().candles(ORIGIN, 2_000), process_of(volume_shift=SHIFT).candles(ORIGIN, 2_000)
    np.testing.assert_array_equal(shifted.close, plain.close)
    np.testing.assert_array_equal(shifted.volume[:1_000], plain.volume[:1_000])
    np.testing.assert_allclose(shifted.volume[1_000:], 3 * plain.volume[1_000:], rtol=1e-11)


def test_from_its_turn_on_what_announced_a_rise_announces_a_fall():
    turned = process_of(signal=0.5, turns_at=SHIFT.at)
    plain, candles = process_of(signal=0.5).candles(ORIGIN, 6_000), turned.candles(ORIGIN, 6_000)
    np.testing.assert_array_equal(candles.close[:1_000], plain.close[:1_000])
    np.testing.assert_array_equal(candles.volume, plain.volume)
    announced = process_of().planted(ORIGIN, 6_000)
    assert np.corrcoef(announced[1_000:], log_returns(candles)[1_000:])[0, 1] == pytest.approx(-0.5, abs=0.04)
    np.testing.assert_array_equal(turned.planted(ORIGIN, 6_000)[1_000:], -announced[1_000:])


@pytest.mark.parametrize("law", [{"signal": 1.0}, {"signal": -0.1}, {"signal": math.nan}, {"seed": -1}])
def test_figures_out_of_range_are_refused(law):
    with pytest.raises(Invalid) as refusal:
        process_of(**law)
    assert refusal.value.field == next(iter(law))


@pytest.mark.parametrize("factor", ["", "three", "0", "-1", "11", "nan"])
def test_a_shift_out_of_range_is_refused(factor):
    with pytest.raises(Invalid):
        Shift.parse(f"{factor}@2026-01-01T00:00Z")


@pytest.mark.parametrize("text", ["3", "3@", "3@soon", "3@2026-01-01T00:00"])
def test_a_malformed_shift_is_refused(text):
    with pytest.raises(Invalid):
        Shift.parse(text)
