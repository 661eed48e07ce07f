"""Feature sets: what they are called, what they hold, when they count as changed."""

from dataclasses import replace

import numpy as np
import pytest

from cryptoml_site.errors import Unknown
from tests.training.candles import assert_same_bits, random_series, series_of, with_hole
from training.features.feature_set import FEATURE_SETS, FeatureSet, feature_set

CLASSIC, TECHNICAL = feature_set("classic"), feature_set("technical")
every_set = pytest.mark.parametrize("features", FEATURE_SETS.values(), ids=FEATURE_SETS)


def test_classic_holds_the_nine_features_in_the_order_that_clients_send():
    levels = ["price", "price_change", "price_ma_7", "price_ma_30", "price_std_7", "volume_ma_7"]
    assert CLASSIC.names == [*levels, "price_lag_1", "price_lag_3", "price_lag_7"]


def test_technical_holds_scale_free_features_only():
    assert [feature.name for feature in TECHNICAL.features if not feature.scale_free] == []


def test_classic_is_what_anybody_would_compute_by_hand():
    series = random_series(60)
    closes = series.close
    by_hand = [
        closes[-1],
        closes[-1] / closes[-2] - 1,
        closes[-7:].mean(),
        closes[-30:].mean(),
        closes[-7:].std(ddof=1),
    ]
    by_hand += [series.volume[-7:].mean(), closes[-2], closes[-4], closes[-8]]
    np.testing.assert_allclose(CLASSIC.newest(series), by_hand, rtol=1e-9)


@every_set
def test_a_set_is_found_by_its_name(features):
    assert feature_set(features.name) is features


def test_an_unknown_name_is_refused_with_those_that_exist():
    with pytest.raises(Unknown, match="classic, technical") as refusal:
        feature_set("tehcnical")
    assert (refusal.value.code, refusal.value.field) == ("unknown_feature_set", "feature_set")


def test_a_set_cannot_name_a_feature_twice():
    with pytest.raises(ValueError, match="twice"):
        FeatureSet("doubled", CLASSIC.features[:1] * 2, revision=1)


@every_set
def test_signature_describes_the_columns_in_order(features):
    signature = features.signature()
    assert [entry["name"] for entry in signature] == features.names
    assert {tuple(entry) for entry in signature} == {("name", "dtype", "unit", "description")}
    assert {entry["dtype"] for entry in signature} == {"float32"}


@every_set
def test_matrix_has_a_row_for_every_candle_and_a_column_for_every_feature(features):
    series = random_series(150)
    matrix = features.matrix(series)
    assert (matrix.shape, matrix.dtype) == ((150, len(features.names)), np.float64)
    for column, feature in zip(matrix.T, features.features, strict=True):
        assert_same_bits(column[features.window - 1 :], feature.column(series)[features.window - 1 :])


@every_set
def test_a_row_is_known_throughout_or_not_at_all(features):
    unknown = np.isnan(features.matrix(with_hole(random_series(), 200)))
    assert (unknown.any(axis=1) == unknown.all(axis=1)).all()
    rows = np.flatnonzero(unknown[:, 0]).tolist()
    assert rows == [*range(features.window - 1), *range(200, 200 + features.window)]


def test_an_absent_candle_is_a_hole_even_where_only_its_volume_is_read():
    by_name = {feature.name: feature for feature in CLASSIC.features}
    mostly_volume = FeatureSet("mostly_volume", (by_name["price"], by_name["volume_ma_7"]), revision=1)
    faults = mostly_volume.faults(with_hole(random_series(50), 30))
    assert np.flatnonzero(faults["hole"][6:]).tolist() == list(range(24, 31))


@every_set
def test_newest_is_the_last_row_to_the_bit(features):
    series = random_series()
    assert_same_bits(features.newest(series), features.matrix(series)[-1])
    assert_same_bits(features.newest(series[-features.window :]), features.matrix(series)[-1])


@every_set
def test_an_empty_series_has_an_empty_matrix(features):
    assert features.matrix(series_of([])).shape == (0, len(features.names))


@every_set
def test_sha256_changes_with_order_length_and_revision(features):
    first, *rest = features.features
    others = [
        replace(features, revision=features.revision + 1),
        replace(features, features=(*rest, first)),
        replace(features, features=tuple(rest)),
    ]
    assert len({features.sha256, *(other.sha256 for other in others)}) == 4


@every_set
@pytest.mark.parametrize("changed", [{"name": "other"}, {"unit": "other"}, {"window": 999}], ids=str)
def test_sha256_changes_with_the_meaning_of_one_feature(features, changed):
    first, *rest = features.features
    other = replace(features, features=(replace(first, **changed), *rest))
    assert other.sha256 != features.sha256


@every_set
def test_sha256_stays_when_only_the_words_are_better(features):
    first, *rest = features.features
    reworded = replace(features, features=(replace(first, description="In better words"), *rest))
    assert reworded.sha256 == features.sha256


PINNED = {
    "classic": ("fa7511898a29cd4eed31d7b170e01f2951c2bb25404723af7c6527589b4d37fe", [
        106.0, -0.0535714286, 107.285714, 106.333333, 3.63841933, 13.0, 112.0, 111.0,
        109.0,
    ]),
    "technical": ("21ccaeba464d609f869b882dabaffc74bafb1eb4a88ba923b454cbd1ed13b860", [
        -0.0550597772, -0.0460911072, -0.0279087881, -0.00938974035, -0.0119840213, -0.00313479624,
        0.00462565172, 0.00262259025, 46.6666667, 0.469321668,
        -1.98198442, -2.73849008, -2.77527732, 0.0367872362, 0.204439362, -0.707106781,
        0.707106781, -0.781831482, 0.623489802,
    ]),
}  # fmt: skip


@every_set
def test_changed_arithmetic_asks_for_a_new_revision(features):
    """Whoever comes here because a number moved: raise the set's revision, then pin the new hash and numbers."""
    step = np.arange(117)
    sha256, numbers = PINNED[features.name]
    assert features.sha256 == sha256
    newest = features.newest(series_of(100.0 + 7 * step % 13, 10.0 + 5 * step % 7))
    np.testing.assert_allclose(newest, numbers, rtol=1e-7, atol=1e-12)
