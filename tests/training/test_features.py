"""What every feature of every feature set owes, present and future ones alike."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.candles import COLUMNS, altered, assert_same_bits, random_series, series_of, with_hole
from training.features.feature_set import FEATURE_SETS
from training.series import CandleSeries

FEATURES = [
    pytest.param(feature, id=f"{name}-{feature.name}")
    for name, feature_set in FEATURE_SETS.items()
    for feature in feature_set.features
]
every_feature = pytest.mark.parametrize("feature", FEATURES)
every_scale_free_feature = pytest.mark.parametrize("feature", [p for p in FEATURES if p.values[0].scale_free])
PRICES = ("open", "high", "low", "close")


@every_feature
@pytest.mark.parametrize("by", [1.7, 0.3, np.nan])
def test_never_looks_ahead(feature, by):
    series = random_series()
    for now in (5, 150, 300):
        future_changed = altered(series, slice(now, None), by=by)
        assert_same_bits(feature.column(future_changed)[:now], feature.column(series)[:now])


@every_feature
def test_has_the_same_bits_however_much_history_precedes_its_window(feature):
    series = random_series()
    whole = feature.column(series)
    for older in range(40):
        for end in (feature.window + older, 287, 400):
            window = series[max(end - feature.window - older, 0) : end]
            assert_same_bits(feature.column(window)[-1:], whole[end - 1 : end])


@every_feature
@pytest.mark.parametrize("by", [5.0, 1e50, np.nan])
def test_forgets_what_lies_before_its_window(feature, by):
    series = random_series()
    past_changed = altered(series, slice(0, 200), by=by)
    remembers = 200 + feature.window - 1
    assert_same_bits(feature.column(past_changed)[remembers:], feature.column(series)[remembers:])


@pytest.mark.parametrize("feature", [p for p in FEATURES if p.values[0].window > 1])
def test_sees_as_far_back_as_its_window_says(feature):
    series = random_series(feature.window)
    newest = feature.column(series)[-1]
    assert any(feature.column(altered(series, 0, by=by))[-1] != newest for by in (3.0, 1 / 3))


@every_feature
def test_is_unknown_until_its_window_is_full_and_finite_from_then_on(feature):
    values = feature.column(random_series())
    assert np.isnan(values[: feature.window - 1]).all()
    assert np.isfinite(values[feature.window - 1 :]).all()


@every_feature
def test_a_hole_hides_exactly_the_rows_whose_window_covers_it(feature):
    values = feature.column(with_hole(random_series(), 200))
    hidden = np.flatnonzero(np.isnan(values[feature.window - 1 :])) + feature.window - 1
    assert hidden.tolist() == list(range(200, min(200 + feature.window, 400)))


@every_feature
@pytest.mark.parametrize("absence", [np.nan, 0.0, -1.0, np.inf])
def test_only_the_figures_that_it_reads_have_to_be_there(feature, absence):
    for column in ("close", "volume"):
        values = feature.column(altered(random_series(), 200, by=absence, columns=(column,)))
        assert np.isnan(values[200]) == (column in feature.reads)


@every_scale_free_feature
@pytest.mark.parametrize("columns", [PRICES, ("volume",)], ids=["prices", "volumes"])
@pytest.mark.parametrize("by", [2.0, 0.125])
def test_scale_free_ones_keep_their_bits_when_everything_doubles(feature, columns, by):
    series = random_series()
    assert_same_bits(feature.column(altered(series, slice(None), by=by, columns=columns)), feature.column(series))


@every_feature
def test_those_that_are_not_scale_free_follow_the_scale(feature):
    series = random_series()
    doubled = feature.column(altered(series, slice(None), by=2.0))
    assert np.array_equal(doubled, feature.column(series), equal_nan=True) == feature.scale_free


@every_feature
def test_has_the_same_bits_from_columns_of_any_stride(feature):
    series = random_series()
    table = np.column_stack([series.close, series.volume])
    backwards = np.array([series.close[::-1], series.volume[::-1]])
    for close, volume in (table.T, backwards[:, ::-1]):
        strided = CandleSeries(series.interval, series.opened_at, series.open, series.high, series.low, close, volume)
        assert_same_bits(feature.column(strided), feature.column(series))


@every_feature
def test_leaves_its_candles_as_they_were(feature):
    series = random_series()
    feature.column(series)
    for column in COLUMNS:
        assert_same_bits(getattr(series, column), getattr(random_series(), column))


@every_feature
def test_gives_an_empty_column_for_an_empty_series(feature):
    assert feature.column(series_of([])).tolist() == []


@every_feature
def test_says_in_words_what_it_is(feature):
    assert feature.name.isidentifier()
    assert feature.unit
    assert feature.description[0].isupper()


exponents = st.lists(st.floats(-100, 100), min_size=1, max_size=12)


@every_feature
@settings(deadline=None, max_examples=25)
@given(prices=exponents, volumes=exponents, candles_each=st.integers(1, 60))
def test_is_finite_for_any_positive_prices_and_volumes(feature, prices, volumes, candles_each):
    """Flat stretches of any length, and jumps from 1e-100 to 1e100 between them."""
    levels = [
        np.resize(np.repeat(10.0 ** np.array(part), candles_each), feature.window + 30) for part in (prices, volumes)
    ]
    values = feature.column(series_of(*levels))
    assert np.isfinite(values[feature.window - 1 :]).all()


@every_feature
@pytest.mark.parametrize("price", [0.1, 1 / 3, 45_000.01, 7e-9])
def test_is_finite_where_prices_differ_by_their_last_bit(feature, price):
    series = series_of(np.resize([price, np.nextafter(price, np.inf), price], feature.window + 30))
    assert np.isfinite(feature.column(series)[feature.window - 1 :]).all()
