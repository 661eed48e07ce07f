"""Histograms of response times: true to 1 %, and mergeable."""

from collections import Counter
from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictions.histograms import LEAST, bucket_of, merged, quantile

times = st.floats(min_value=0, exclude_min=True, max_value=1e300)  # seconds; far beyond what can happen
samples = st.lists(times | st.floats(1e-4, 10), min_size=1, max_size=200)
shares = st.floats(0, 1)


def histogram(seconds):
    return Counter(bucket_of(each) for each in seconds)


@given(samples, shares)
def test_quantiles_lie_within_1_percent_of_the_true_order_statistic(seconds, q):
    true = np.quantile(np.maximum(seconds, LEAST), q, method="inverted_cdf")
    assert quantile(histogram(seconds), q) == pytest.approx(true, rel=0.01 + 1e-9)


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99])
def test_quantiles_of_many_skewed_times_lie_within_1_percent(q):
    seconds = np.random.default_rng(7).lognormal(mean=-6, sigma=1, size=20_000)
    true = np.quantile(seconds, q, method="inverted_cdf")
    assert quantile(histogram(seconds), q) == pytest.approx(true, rel=0.01)


@given(st.lists(samples, max_size=5), st.randoms())
def test_merging_equals_counting_together_in_any_order(parts, order):
    together = histogram([each for part in parts for each in part])
    order.shuffle(parts)
    assert merged(*map(histogram, parts)) == together


@given(samples, samples)
def test_merging_alters_none_of_what_it_merges(one, other):
    first, second = histogram(one), histogram(other)
    merged(first, second)
    assert (first, second) == (histogram(one), histogram(other))


@given(times, times)
def test_a_longer_time_never_lies_in_an_earlier_bucket(one, other):
    assert bucket_of(min(one, other)) <= bucket_of(max(one, other))


@pytest.mark.parametrize("seconds", [-1.0, -0.0, 0.0, 1e-9, LEAST, nan])
def test_what_took_no_time_or_less_counts_as_a_microsecond(seconds):
    assert bucket_of(seconds) == bucket_of(LEAST) == 0


def test_a_microsecond_to_an_hour_needs_few_buckets():
    assert bucket_of(3600) < 1_200


@pytest.mark.parametrize("q", [0, 0.5, 1])
def test_nothing_has_no_quantile(q):
    assert quantile({}, q) is None
    assert quantile({3: 0}, q) is None
