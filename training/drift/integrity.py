"""What no market does: faults of the data or of the pipeline, seen in the newest rows without any statistics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from training.features.feature import Feature
from training.series import Floats

FROZEN = 12  # newest values in a row that are the same, where the reference never had so many
WIDENED = 0.5  # of the reference's range, on either side of it
WIDENED_OF_FEW = (
    5.0  # where the reference is too short to have seen what a market does: then only another unit is a fault
)
MOST_OUTSIDE = 0.5  # share of the newest rows


def faults(
    X: NDArray[np.float32],
    reference: NDArray[np.float32],
    features: Sequence[Feature],
    *,
    stood_still: Floats,
    enough: bool,
) -> list[str]:
    """A sentence for each. X: (m, k) the newest rows, oldest first, m >= 1. reference: (n, k), n >= 1.

    stood_still: (k,) most rows in a row that had the same value, in the reference. enough: whether the reference is
    long enough to know the range of a feature.
    """
    widened = WIDENED if enough else WIDENED_OF_FEW
    return [
        f"{feature.name} {said}"
        for place, feature in enumerate(features)
        for said in _of_one(
            X[:, place], reference[:, place], feature, most_still=int(stood_still[place]), widened=widened
        )
    ]


def _of_one(
    values: NDArray[np.float32], known: NDArray[np.float32], feature: Feature, *, most_still: int, widened: float
) -> Iterator[str]:
    broken = int((~np.isfinite(values)).sum())
    if broken:
        yield f"is no number in {broken} of the newest {len(values)} rows"
        return
    still = _still_at_the_end(values)
    if still >= FROZEN and still > most_still:
        yield f"has stood still at {values[-1]:g} for {still} rows; when it was learnt from, for {most_still} at most"
    if feature.domain is not None:
        yield from _outside_its_domain(values, feature)
    if not feature.scale_free:
        return  # a level leaves its old range whenever the price does: that is said as such
    low, high = float(known.min()), float(known.max())
    room = widened * (high - low)
    outside = float(np.mean((values < low - room) | (values > high + room)))
    if outside >= MOST_OUTSIDE and high > low:
        yield f"lies far outside {low:g} to {high:g}, where it was learnt from, in {outside:.0%} of the newest rows"


def _outside_its_domain(values: NDArray[np.float32], feature: Feature) -> Iterator[str]:
    domain = feature.domain
    if domain is None:
        return
    if values.min() < domain.low or values.max() > domain.high:
        yield f"lies outside {domain.low:g} to {domain.high:g}, where it can only be"
    elif not domain.median_low <= np.median(values) <= domain.median_high:
        yield f"has a median of {np.median(values):g}: is it in another unit? It lies between {domain.low:g} and " + (
            f"{domain.high:g}"
        )


def _still_at_the_end(values: NDArray[np.float32]) -> int:
    changed = np.flatnonzero(values != values[-1])
    return len(values) - (int(changed[-1]) + 1 if len(changed) else 0)


def outside_the_range(X: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """Share of rows (m, k) of which any feature lies outside what the reference (n, k) had."""
    low, high = reference.min(axis=0), reference.max(axis=0)
    return float((np.clip(X, low, high) != X).any(axis=1).mean())
