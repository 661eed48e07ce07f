"""Histograms of response times that can be merged: across processes, minutes and hosts, in any order.

The buckets grow by a constant factor, so that each quantile is known to a share of itself (DDSketch: Masson, Rim and
Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019). Bucket i holds
the times over LEAST * GROWTH ** (i - 1) and up to LEAST * GROWTH ** i seconds; bucket 0 those of LEAST and below.
"""

from collections.abc import Mapping
from math import ceil, exp, log

ACCURACY = 0.01  # of the true value: how far off the middle of a bucket may be
GROWTH = (1 + ACCURACY) / (1 - ACCURACY)
LEAST = 1e-6  # seconds; whatever took less counts as this

_PER_BUCKET = log(GROWTH)
_PER_LOG = 1 / _PER_BUCKET
_FIRST = log(LEAST) * _PER_LOG
_MIDDLE = log(LEAST) + log(2 / (GROWTH + 1))  # from a bucket's upper end to what lies ACCURACY off both its ends


def bucket_of(seconds: float) -> int:
    """The bucket in which a time is counted. seconds: finite; a clock's negative step counts as LEAST.

    >>> bucket_of(0.0), bucket_of(0.001), bucket_of(1.0)
    (0, 346, 691)
    """
    return ceil(log(max(LEAST, seconds)) * _PER_LOG - _FIRST)


def merged(*buckets: Mapping[int, int]) -> dict[int, int]:
    """One histogram of all that the given ones counted.

    >>> merged({3: 1, 5: 2}, {5: 1})
    {3: 1, 5: 3}
    """
    total: dict[int, int] = {}
    for part in buckets:
        for bucket, count in part.items():
            total[bucket] = total.get(bucket, 0) + count
    return total


def quantile(buckets: Mapping[int, int], q: float) -> float | None:
    """The time in seconds within which a share q of the responses came, to ACCURACY of itself; None where none came.

    q: from 0 to 1. It approximates the smallest observed time that a share of at least q does not exceed (numpy's
    'inverted_cdf'), not one between two observed times.

    >>> round(quantile({bucket_of(0.25): 9, bucket_of(4.0): 1}, 0.9), 2)
    0.25
    """
    left = max(1, ceil(q * sum(buckets.values())))
    for bucket in sorted(buckets):
        left -= buckets[bucket]
        if left <= 0:
            return exp(bucket * _PER_BUCKET + _MIDDLE)
    return None
