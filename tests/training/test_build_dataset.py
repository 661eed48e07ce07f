"""Rows to learn from: which there are, why the others are not, and what identifies them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptoml_site.errors import Invalid, Refused
from tests.training.candles import START, altered, assert_same_bits, random_series, series_of, with_hole
from training.datasets import build_dataset, candles_sha256
from training.features.feature_set import FEATURE_SETS, feature_set

CLASSIC = feature_set("classic")  # 30 closes, 7 volumes
HOUR = 3600


def built(series, *, horizon=1, features=CLASSIC):
    return build_dataset(series, features, horizon=horizon)


def lost(dataset):
    return {reason: count for reason, count in dataset.dropped.items() if count}


def test_rows_hold_features_label_and_moment_of_the_same_candle():
    series = random_series(100)
    dataset = built(series, horizon=3)
    row = 50 - 29
    assert dataset.as_of[row] == series.opened_at[50]
    assert dataset.closes[row] == series.close[50]
    assert_same_bits(dataset.X[row], CLASSIC.matrix(series)[50].astype(np.float32))
    assert dataset.log_return[row] == np.log(series.close[53] / series.close[50])
    assert dataset.y[row] == (series.close[53] > series.close[50])


def test_rows_know_the_last_five_returns_newest_first_and_how_far_the_market_goes():
    series = random_series(300)
    dataset = built(series, horizon=4)
    returns, row = np.diff(np.log(series.close)), 200 - 29
    np.testing.assert_allclose(dataset.returns[row], returns[195:200][::-1], rtol=1e-12)
    assert dataset.sigma[row] == pytest.approx(2 * returns[100:200].std(ddof=1))
    assert np.isnan(dataset.sigma[: 100 - 29]).all()
    assert np.isfinite(dataset.sigma[100 - 29 :]).all()


def test_a_return_that_is_unknown_counts_as_none_and_a_sigma_stays_unknown():
    dataset = built(with_hole(random_series(400), 250), horizon=1)
    after = int(np.searchsorted(dataset.as_of, START + 280 * HOUR))
    assert (dataset.returns[after] != 0).all()
    assert np.isnan(dataset.sigma[after : after + 60]).all()
    assert np.isfinite(dataset.sigma[-10:]).all()
    assert (built(random_series(60)).returns != 0).all()


def test_types_are_those_that_models_take():
    dataset = built(random_series(100))
    assert [array.dtype.name for array in (dataset.X, dataset.y, dataset.as_of)] == ["float32", "int8", "int64"]
    assert (dataset.feature_names, dataset.feature_set) == (CLASSIC.names, "classic")
    assert (dataset.horizon, dataset.interval) == (1, HOUR)


def test_the_first_rows_warm_up_and_the_last_have_no_label():
    dataset = built(random_series(100), horizon=5)
    assert lost(dataset) == {"warm_up": 29, "no_label": 5}
    assert (dataset.as_of[0], dataset.as_of[-1]) == (START + 29 * HOUR, START + 94 * HOUR)


def test_a_hole_costs_the_rows_that_see_it_and_the_one_that_it_would_settle():
    dataset = built(with_hole(random_series(200), 100), horizon=1)
    assert lost(dataset) == {"warm_up": 29, "hole": 31, "no_label": 1}
    assert not np.isin(dataset.as_of, START + HOUR * np.arange(99, 130)).any()


def test_an_absent_volume_costs_only_the_rows_whose_feature_reads_it():
    dataset = built(altered(random_series(200), 100, by=0.0, columns=("volume",)))
    assert lost(dataset) == {"warm_up": 29, "absent_volume": 7, "no_label": 1}


def test_what_overflows_float32_is_dropped_though_float64_holds_it():
    dataset = built(altered(random_series(200), 150, by=1e36, columns=("close",)))
    assert lost(dataset) == {"warm_up": 29, "not_finite": 30, "no_label": 1}
    assert np.isfinite(dataset.X).all()


def test_a_return_that_overflows_is_dropped():
    dataset = built(series_of([1e-300] * 40 + [1e300] * 2, [1.0] * 42))
    assert lost(dataset) == {"warm_up": 29, "no_label": 1, "not_finite": 2}


def test_an_unchanged_close_did_not_go_up():
    assert built(series_of([5.0] * 40)).y.tolist() == [0] * 10


@settings(deadline=None, max_examples=60)
@given(
    length=st.integers(1, 160),
    horizon=st.integers(1, 200),
    holes=st.sets(st.integers(0, 159), max_size=4),
    volumes_absent=st.sets(st.integers(0, 159), max_size=4),
    name=st.sampled_from(list(FEATURE_SETS)),
)
def test_every_candle_is_kept_or_counted_under_one_reason(length, horizon, holes, volumes_absent, name):
    series = altered(random_series(160), list(volumes_absent), by=0.0, columns=("volume",))
    series = with_hole(series, list(holes))[:length]
    dataset = built(series, horizon=horizon, features=feature_set(name))
    assert len(dataset) + sum(dataset.dropped.values()) == length
    assert np.isfinite(dataset.X).all()
    assert np.isfinite(dataset.log_return).all()


def test_the_range_is_that_of_all_candles_given():
    dataset = built(random_series(100))
    assert (dataset.data_start, dataset.data_end) == (START, START + 99 * HOUR)


def test_the_same_candles_have_the_same_hash_whatever_is_asked_of_them():
    series = random_series(150)
    assert built(series).sha256 == built(series, horizon=7, features=feature_set("technical")).sha256


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_one_changed_figure_changes_the_hash(column):
    priced = replace(random_series(50), open=np.ones(50), high=np.ones(50), low=np.ones(50))
    assert candles_sha256(altered(priced, 20, by=1 + 1e-15, columns=(column,))) != candles_sha256(priced)


def test_the_hash_knows_stamps_interval_and_absences():
    series = random_series(50)
    others = [replace(series, interval=60), replace(series, opened_at=series.opened_at + 1), with_hole(series, 3)]
    assert len({candles_sha256(candles) for candles in (series, *others)}) == 4


def test_one_absence_is_as_good_as_another_to_the_hash():
    series = with_hole(random_series(50), 3)
    series.close[3] = np.copysign(np.nan, -1)
    assert candles_sha256(series) == candles_sha256(with_hole(random_series(50), 3))


@pytest.mark.parametrize("horizon", [0, -1])
def test_a_horizon_in_the_past_is_invalid(horizon):
    with pytest.raises(Invalid, match="ask for 1 or more") as refusal:
        built(random_series(50), horizon=horizon)
    assert refusal.value.field == "horizon"


def test_no_candles_are_refused():
    with pytest.raises(Refused) as refusal:
        built(series_of([]))
    assert refusal.value.code == "too_few_rows"


def test_require_accepts_exactly_the_minimum():
    built(random_series(100)).require(70)


def test_require_refuses_fewer_and_says_where_the_others_went():
    with pytest.raises(Refused, match="70 rows are left of 100 candles, 71 are needed") as refusal:
        built(random_series(100)).require(71)
    assert "29 warm_up, 1 no_label" in str(refusal.value)
    assert refusal.value.code == "too_few_rows"
    assert (refusal.value.evidence["rows"], refusal.value.evidence["minimum"]) == (70, 71)


@pytest.mark.parametrize(("step", "way"), [(1.01, "up"), (0.99, "down or nowhere"), (1.0, "down or nowhere")])
def test_require_refuses_one_direction_only(step, way):
    with pytest.raises(Refused, match=f"all 20 rows went {way}") as refusal:
        built(series_of(100 * step ** np.arange(50))).require(1)
    assert refusal.value.code == "one_class"
