"""Histograms of response times as bytes, so that thousands are merged in a millisecond."""

from collections.abc import Iterable, Mapping

import numpy as np

ENTRY = np.dtype([("bucket", "<u2"), ("count", "<u8")])


def packed(buckets: Mapping[int, int]) -> bytes:
    """Counts by bucket of predictions.histograms, in the order of the buckets."""
    return np.array(sorted(buckets.items()), ENTRY).tobytes()


def merged(histograms: Iterable[bytes]) -> dict[int, int]:
    """One histogram of all that these counted.

    >>> merged([packed({3: 1, 5: 2}), packed({5: 1})])
    {3: 1, 5: 3}
    """
    entries = np.frombuffer(b"".join(histograms), ENTRY)
    counts = np.bincount(entries["bucket"], weights=entries["count"])  # exact to 2 ** 53
    held = np.flatnonzero(counts)
    return dict(zip(held.tolist(), counts[held].astype(np.int64).tolist(), strict=True))
