"""How unlike the rows that a model was fitted on is this one?

The distance of Mahalanobis (1936), On the generalised distance in statistics: d(x)^2 = (x - c)' S^-1 (x - c), with a
centre c and a scatter S that outliers do not move (Rousseeuw & Van Zomeren, 1990, Unmasking multivariate outliers and
leverage points; here medians, and a scatter of winsorised rows). It costs one small product of a matrix and a vector.
The distance to the nearest of the fitted rows, as in FreqAI's dissimilarity index, sees holes amid the rows too, but
looks at each of them: 1.4 ms for 35,000 rows of 19 features, measured, where this takes 3 microseconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from training.evaluation.archive import pack_arrays, unpack_arrays
from training.series import Floats

USUAL = 0.99  # share of the fitted rows whose score is at most 1
FARTHEST = 1_000.0  # what lies further out scores that too
DIGITS = 3  # of a score: a float4 holds that many up to FARTHEST, so that what is logged is what was answered
WINSOR = 4.0  # spreads beyond which a value adds no more to the scatter
FLATTEST = 1e-3  # of the mean scatter over all directions: the least that a direction counts with
STILL = 1e-6  # of its own size: the least spread of a feature
BODY = (0.158_655, 0.841_345)  # the quantiles one standard deviation below and above the mean of a normal distribution


@dataclass(frozen=True, eq=False)
class NoveltyDetector:
    """Scores rows: 0 in the middle of the fitted ones, 1 as far out as their 99th percentile, up to FARTHEST.

    centre: (k,). whitening: (k, k); whitening @ (row - centre) is as long as the row's score.
    """

    centre: Floats
    whitening: Floats

    @classmethod
    def fit(cls, X: NDArray[np.float32]) -> Self:
        """X: (m, k), finite, the rows that a model was fitted on.

        Near-duplicates among the features make directions in which the rows hardly spread; each counts as if they
        spread by a thirtieth of what is usual, so that rounding is no news. A feature that never moved does so too: a
        row in which it moves is new.
        """
        rows = X.astype(np.float64)
        centre = np.median(rows, axis=0)
        spread = _spread(rows, centre)
        moderate = np.clip((rows - centre) / spread, -WINSOR, WINSOR)
        scatter, directions = np.linalg.eigh(moderate.T @ moderate / len(rows))
        usual = scatter.mean() or 1.0  # no feature moved
        whitening = (directions / np.sqrt(np.maximum(scatter, FLATTEST * usual))).T / spread
        edge = float(np.quantile(_lengths((rows - centre) @ whitening.T), USUAL))
        return cls(centre, whitening / (edge or 1.0))

    def score(self, row: NDArray[np.float32]) -> float:
        """row: (k,), finite.

        >>> detector = NoveltyDetector(centre=np.zeros(2), whitening=np.eye(2))
        >>> detector.score(np.array([3, 4], np.float32))
        5.0
        """
        out = np.dot(self.whitening, row - self.centre)
        return round(min(math.sqrt(np.dot(out, out)), FARTHEST), DIGITS)

    def scores(self, X: NDArray[np.float32]) -> list[float]:
        """X: (m, k), finite. To the last digit what `score` gives each row, but where that lies between two."""
        if len(X) == 1:
            return [self.score(X[0])]
        out = (X - self.centre) @ self.whitening.T
        found: list[float] = np.round(np.minimum(_lengths(out), FARTHEST), DIGITS).tolist()
        return found

    def pack(self) -> bytes:
        """As a bundle keeps it."""
        return pack_arrays(centre=self.centre, whitening=self.whitening)

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        held = unpack_arrays(packed)
        return cls(held["centre"], np.ascontiguousarray(held["whitening"]))


def _spread(rows: Floats, centre: Floats) -> Floats:
    """(k,) of each feature, above 0: that of the middle two thirds, which tails do not reach; of all, where these stand
    still."""
    low, high = np.quantile(rows, BODY, axis=0)
    body = (high - low) / 2
    spread = np.where(body > 0, body, rows.std(axis=0))
    least = STILL * np.where(centre == 0, 1.0, np.abs(centre))
    found: Floats = np.where(spread > 0, np.maximum(spread, STILL * np.abs(centre)), least)
    return found


def _lengths(out: Floats) -> Floats:
    found: Floats = np.sqrt(np.einsum("ij,ij->i", out, out))
    return found
