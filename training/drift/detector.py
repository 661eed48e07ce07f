"""Has the distribution of the features moved? Calibrated once per version, from its own training rows.

A window of the newest n rows is held against the reference by two distances, D and W (see `distances`). Their usual
size under no shift is read off the reference itself: windows slid over it, each against the rest of it. The largest of
all standardised distances, M, is then compared with a quantile of its own distribution over those windows, a Gumbel
distribution by the method of moments: one comparison, whatever the number and the correlation of the features
(Westfall & Young 1993, Resampling-based multiple testing), and right for rows that depend on each other, since the
windows were cut from such rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from training.drift.distances import Distances, Ordered
from training.series import Floats

QUANTILE = 0.995
WINDOWS = 225  # slid over the reference
FEWEST_WINDOWS = 50  # that the reference is long; with fewer its own extremes are not known
FLATTEST = 1e-3  # the least usual spread of a distance: that of a feature which never moved has none
DAY = 86_400


def window_length(interval: int) -> int:
    """Rows of a window: a month of days, a week of hours, as many rows of shorter candles.

    >>> window_length(86_400), window_length(3_600), window_length(60)
    (30, 168, 168)
    """
    return 30 if interval >= DAY else 168


@dataclass(frozen=True, eq=False)
class Reading:
    """What a window shows. z: (k,) each feature's larger standardised distance; m: the largest of them."""

    distances: Distances
    z: Floats
    m: float
    threshold: float  # NaN where the detector is not calibrated

    @property
    def over(self) -> bool:
        """False where nothing is calibrated: NaN is over nothing."""
        return self.m > self.threshold

    def contributors(self, most: int = 3) -> list[int]:
        """Features by place, the farthest first, that are over the threshold or, where none is, the farthest."""
        farthest = np.argsort(-self.z, kind="stable")[:most]
        over = [int(place) for place in farthest if self.z[place] > self.threshold]
        return over or [int(farthest[0])]


@dataclass(frozen=True, eq=False)
class DriftDetector:
    """usual, spread: (2, k) mean and standard deviation of D and of W over windows without a shift.

    A reference of fewer than FEWEST_WINDOWS windows gives distances, but no threshold: `calibrated` is False.
    """

    usual: Floats
    spread: Floats
    threshold: float
    window: int  # rows
    ARRAYS: ClassVar = ("usual", "spread", "threshold", "window")

    @classmethod
    def calibrate(cls, X: NDArray[np.floating], *, window: int) -> Self:
        """X: (n, k), finite, in time order; of what lies beside its neighbours half a window is left out."""
        if len(X) < 2 * window:
            empty = np.full((2, X.shape[1]), np.nan)
            return cls(empty, empty, math.nan, window)
        reference = Ordered.of(X)
        starts = np.unique(np.linspace(0, len(X) - window, WINDOWS).astype(np.intp))
        found = [reference.between(slice(start, start + window), window // 2) for start in starts]
        seen = np.array([[each.ks, each.wasserstein] for each in found])  # (windows, 2, k)
        usual, spread = seen.mean(axis=0), np.maximum(seen.std(axis=0, ddof=1), FLATTEST)
        largest = ((seen - usual) / spread).max(axis=(1, 2))
        enough = len(X) >= FEWEST_WINDOWS * window
        return cls(usual, spread, gumbel_quantile(largest, QUANTILE) if enough else math.nan, window)

    @property
    def calibrated(self) -> bool:
        return not math.isnan(self.threshold)

    def read(self, reference: Ordered, X: NDArray[np.floating]) -> Reading:
        """X: (m, k), the newest rows: as many as a window has, or the threshold is not theirs."""
        found = reference.against(X)
        z = ((np.array([found.ks, found.wasserstein]) - self.usual) / self.spread).max(axis=0)
        return Reading(found, z, float(z.max()), self.threshold)

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """For a bundle; `from_arrays` gives the detector back."""
        return {name: np.array(getattr(self, name), dtype=np.float64) for name in self.ARRAYS}

    @classmethod
    def from_arrays(cls, held: Mapping[str, NDArray[np.float64]]) -> Self:
        return cls(held["usual"], held["spread"], float(held["threshold"]), int(held["window"]))


def gumbel_quantile(maxima: Floats, share: float) -> float:
    """Of the Gumbel distribution with the maxima's mean and standard deviation.

    >>> round(gumbel_quantile(np.array([0.0, 2.0]), 0.5), 3)
    0.768
    """
    beta = float(maxima.std(ddof=1)) * math.sqrt(6) / math.pi
    mode = float(maxima.mean()) - np.euler_gamma * beta
    return mode - beta * math.log(-math.log(share))
