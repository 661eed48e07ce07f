"""What is not believed is neither learnt nor answered from, and changes no number of the past."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptoml_site.errors import Refused
from tests.training.candles import START, assert_same_bits, random_series, series_of, with_hole
from training.datasets import build_dataset, candles_sha256, newest_vector, refuse_suspect
from training.features.feature_set import FEATURE_SETS, feature_set
from training.series import CandleSeries

CLASSIC = feature_set("classic")
HOUR = 3600
every_set = pytest.mark.parametrize("features", FEATURE_SETS.values(), ids=FEATURE_SETS)


def suspecting(series, *rows):
    return replace(series, suspect=np.isin(np.arange(len(series)), rows))


def lost(dataset):
    return {reason: count for reason, count in dataset.dropped.items() if count}


def test_nothing_is_suspect_unless_told():
    assert random_series(5).suspect.tolist() == [False] * 5


@every_set
@pytest.mark.parametrize("horizon", [1, 5])
def test_rows_that_see_a_suspect_candle_or_are_settled_by_it_are_dropped(features, horizon):
    series = suspecting(random_series(500), 300)
    dataset = build_dataset(series, features, horizon=horizon)
    assert lost(dataset) == {"warm_up": features.window - 1, "suspect": features.window + 1, "no_label": horizon}
    seen = START + HOUR * np.arange(300, 300 + features.window)
    settled = START + HOUR * (300 - horizon)
    assert not np.isin([*seen, settled], dataset.as_of).any()
    assert np.isin([seen[-1] + HOUR, settled - HOUR], dataset.as_of).all()


def test_the_rows_that_are_left_are_to_the_bit_those_of_before():
    series = random_series(500)
    every, left = (build_dataset(one, CLASSIC, horizon=1) for one in (series, suspecting(series, 300)))
    kept = np.isin(every.as_of, left.as_of)
    assert_same_bits(left.X, every.X[kept])
    assert_same_bits(left.log_return, every.log_return[kept])


def test_the_candles_are_the_same_so_their_hash_is():
    series = random_series(100)
    assert candles_sha256(suspecting(series, 3, 50)) == candles_sha256(series)


def test_the_hash_is_the_one_that_answers_of_long_ago_bear():
    held = suspecting(series_of([10.0, 11.0, 12.5]), 1)
    assert candles_sha256(held) == "e0debb3160346734bca4adfd1a1183dae1836ddfc68b28505db1ac76ce70f1cb"


def test_a_hole_is_told_before_a_suspect_candle():
    series = suspecting(with_hole(random_series(200), 100), 101)
    assert lost(build_dataset(series, CLASSIC, horizon=1)) == {"warm_up": 29, "hole": 31, "suspect": 1, "no_label": 1}


@settings(deadline=None, max_examples=60)
@given(
    length=st.integers(1, 160),
    horizon=st.integers(1, 200),
    holes=st.sets(st.integers(0, 159), max_size=3),
    suspects=st.sets(st.integers(0, 159), max_size=4),
    name=st.sampled_from(list(FEATURE_SETS)),
)
def test_kept_and_dropped_add_up_and_no_row_kept_touches_a_suspect(length, horizon, holes, suspects, name):
    series = suspecting(with_hole(random_series(160), list(holes)), *suspects)[:length]
    features = feature_set(name)
    dataset = build_dataset(series, features, horizon=horizon)
    assert len(dataset) + sum(dataset.dropped.values()) == length
    for place in (dataset.as_of - START) // HOUR:
        assert not series.suspect[place - features.window + 1 : place + 1].any()
        assert not series.suspect[place + horizon]


def test_too_few_rows_are_refused_with_how_many_were_suspect():
    with pytest.raises(Refused, match="31 suspect") as refusal:
        build_dataset(suspecting(random_series(100), 60), CLASSIC, horizon=1).require(70)
    assert refusal.value.evidence["dropped"]["suspect"] == 31


@pytest.mark.parametrize("ago", [0, 7, 29])
def test_a_window_with_a_suspect_candle_is_refused_by_name(ago):
    series = suspecting(random_series(100), 99 - ago)
    with pytest.raises(Refused, match="clear it with manage") as refusal:
        refuse_suspect(series, CLASSIC)
    stamp = str(np.datetime64(START + HOUR * (99 - ago), "s")) + "Z"
    assert (refusal.value.code, refusal.value.evidence["suspect"]) == ("suspect_candle", [stamp])
    assert stamp in str(refusal.value)


def test_what_lies_before_the_window_stops_nothing():
    refuse_suspect(suspecting(random_series(100), 69), CLASSIC)


@every_set
def test_an_answer_of_then_is_computed_from_them_all_the_same(features):
    series = random_series(200)
    assert_same_bits(newest_vector(suspecting(series, 199, 150), features), newest_vector(series, features))


def test_series_are_cut_laid_and_joined_with_their_marks():
    series = suspecting(random_series(10), 2, 8)
    assert series[2:5].suspect.tolist() == [True, False, False]
    assert CandleSeries.end_to_end([series[7:], series[:3]]).suspect.tolist() == [
        False,
        True,
        False,
        False,
        False,
        True,
    ]
    there = np.array([0, 1, 2, 5, 8])
    columns = {name: getattr(series, name)[there] for name in ("open", "high", "low", "close", "volume", "suspect")}
    laid = CandleSeries.on_grid(interval=HOUR, opened_at=series.opened_at[there], **columns)
    assert laid.suspect.tolist() == [False, False, True, False, False, False, False, False, True]
    assert np.isnan(laid.close[[3, 4, 6, 7]]).all()
