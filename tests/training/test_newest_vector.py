"""The vector to answer from: training's own row, or a refusal that says what is missing."""

import numpy as np
import pytest

from cryptoml_site.errors import Refused, Unknown
from tests.training.candles import START, altered, assert_same_bits, random_series, series_of, with_hole
from training.datasets import build_dataset, newest_vector, newest_vectors
from training.features.feature_set import FEATURE_SETS, feature_set

CLASSIC = feature_set("classic")
HOUR = 3600
every_set = pytest.mark.parametrize("features", FEATURE_SETS.values(), ids=FEATURE_SETS)


@every_set
def test_serving_has_the_bits_that_training_had_for_every_moment(features):
    series = random_series(260)
    dataset = build_dataset(series, features, horizon=1)
    for row, as_of in enumerate(dataset.as_of):
        assert_same_bits(newest_vector(series, features, as_of=int(as_of)), dataset.X[row])


@every_set
def test_the_window_alone_gives_the_bits_that_longer_histories_give(features):
    series = random_series(400)
    expected = newest_vector(series, features)
    for more in (0, 1, 2, 7, 100):
        assert_same_bits(newest_vector(series[-features.window - more :], features), expected)


def test_without_a_moment_the_last_candle_is_the_one():
    series = random_series(60)
    assert_same_bits(newest_vector(series, CLASSIC), newest_vector(series, CLASSIC, as_of=int(series.opened_at[-1])))


def test_candles_after_the_moment_do_not_matter():
    series = random_series(100)
    as_of = START + 59 * HOUR
    changed = altered(series, slice(60, None), by=np.nan)
    assert_same_bits(newest_vector(changed, CLASSIC, as_of=as_of), newest_vector(series[:60], CLASSIC))


def refusal(series, **asked):
    with pytest.raises(Refused) as caught:
        newest_vector(series, CLASSIC, **asked)
    return caught.value


def test_a_short_history_is_refused_with_what_it_lacks():
    refused = refusal(random_series(29))
    assert refused.code == "window_incomplete"
    assert "needs the 30 candles up to 2023-11-16T04:00:00Z, but the history held has 29 of them" in str(refused)
    assert refused.evidence == {"reason": "warm_up", "as_of": START + 28 * HOUR, "window": 30, "candles": 29}


def test_a_hole_in_the_window_is_refused_with_its_moment():
    refused = refusal(with_hole(random_series(60), 40))
    assert (refused.code, refused.evidence["reason"]) == ("window_incomplete", "hole")
    assert "the candle opened at 2023-11-16T16:00:00Z is absent: fetch it" in str(refused)


def test_several_holes_are_counted():
    assert "is absent (and 2 more)" in str(refusal(with_hole(random_series(60), [35, 40, 45])))


def test_a_hole_before_the_window_is_no_hindrance():
    newest_vector(with_hole(random_series(60), 29), CLASSIC)


def test_an_absent_volume_is_refused_with_its_moment():
    refused = refusal(altered(random_series(60), 55, by=0.0, columns=("volume",)))
    assert (refused.code, refused.evidence["reason"]) == ("window_incomplete", "absent_volume")
    assert "the volume of the candle opened at 2023-11-17T07:00:00Z is absent" in str(refused)


def test_only_the_absent_volumes_that_a_feature_reads_are_counted():
    refused = refusal(altered(random_series(60), [45, 50, 55], by=0.0, columns=("volume",)))
    assert "07:00:00Z is absent: fetch it" in str(refused)


def test_a_volume_absent_before_its_features_window_is_no_hindrance():
    newest_vector(altered(random_series(60), 52, by=0.0, columns=("volume",)), CLASSIC)


def test_a_number_too_large_for_the_model_is_refused_by_name():
    refused = refusal(altered(random_series(60), 59, by=1e36, columns=("close",)))
    assert refused.code == "not_finite"
    assert refused.evidence == {"features": ["price", "price_ma_7", "price_ma_30", "price_std_7"]}


@pytest.mark.parametrize("as_of", [START - HOUR, START + 60 * HOUR, START + 40 * HOUR + 1])
def test_a_moment_of_which_no_candle_is_held_is_unknown(as_of):
    refused = refusal(random_series(60), as_of=as_of)
    assert isinstance(refused, Unknown)
    assert (refused.code, refused.field) == ("unknown_candle", "as_of")


def test_no_candles_at_all_are_said_so():
    assert refusal(series_of([])).code == "unknown_candle"


@every_set
def test_many_at_once_are_to_the_bit_each_alone(features):
    several = [random_series(300, seed=seed)[: 300 - seed] for seed in range(5)]
    for vector, series in zip(newest_vectors(several, features), several, strict=True):
        assert_same_bits(vector, newest_vector(series, features))


@every_set
def test_a_series_that_misses_something_leaves_the_others_their_vectors(features):
    whole = random_series(300)
    first, short, holed, last = newest_vectors([whole, whole[:5], with_hole(whole, 295), whole], features)
    assert np.isnan(short).all()
    assert np.isnan(holed).all()
    for vector in (first, last):
        assert_same_bits(vector, newest_vector(whole, features))
