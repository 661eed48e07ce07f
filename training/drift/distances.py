"""How far the values of one window lie from those of a reference, feature by feature: the classic distances.

Kolmogorov-Smirnov's D is the largest difference between two empirical distribution functions, Wasserstein's W the area
between them; W is told in standard deviations of the reference, so that features compare. Neither is a test here: rows
that follow each other in time are far from independent, and p-values of n rows are wrong by orders of magnitude
(Chicheportiche & Bouchaud 2011, Goodness-of-fit tests with dependent observations).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.series import Floats


@dataclass(frozen=True, eq=False)
class Distances:
    """Of each of k features. ks: (k,) from 0 to 1. wasserstein: (k,) in standard deviations of the reference."""

    ks: Floats
    wasserstein: Floats


@dataclass(frozen=True, eq=False)
class Ordered:
    """Rows of a reference, each feature sorted by itself, so that a window is held against it in one pass.

    values: (n, k) each column ascending. order: (n, k) the row of each. scale: (k,) standard deviation, 1 where the
    feature never moved.
    """

    values: Floats
    order: NDArray[np.intp]
    scale: Floats

    @classmethod
    def of(cls, X: NDArray[np.floating]) -> Ordered:
        """X: (n, k), finite, in time order."""
        rows = X.astype(np.float64)
        order = np.argsort(rows, axis=0, kind="stable")
        spread = rows.std(axis=0)
        return cls(np.take_along_axis(rows, order, axis=0), order, np.where(spread > 0, spread, 1.0))

    def __len__(self) -> int:
        return len(self.values)

    def between(self, window: slice, margin: int) -> Distances:
        """A stretch of its own rows against all others, but for `margin` rows on either side, which resemble it."""
        inside, outside = np.zeros(len(self), bool), np.ones(len(self), bool)
        inside[window] = True
        outside[max(window.start - margin, 0) : window.stop + margin] = False
        gap = _shares(inside[self.order]) - _shares(outside[self.order])
        return self._distances(self.values, gap)

    def against(self, X: NDArray[np.floating]) -> Distances:
        """Other rows, (m, k) and finite, against all of these."""
        rows = X.astype(np.float64)
        both = np.concatenate([self.values, rows])
        order = np.argsort(both, axis=0, kind="stable")
        new = order >= len(self)
        return self._distances(np.take_along_axis(both, order, axis=0), _shares(new) - _shares(~new))

    def _distances(self, ascending: Floats, gap: Floats) -> Distances:
        """gap: (n, k) difference of the distribution functions at each of the ascending values.

        Among equal values only the last one's difference counts: before it neither function has risen all the way.
        """
        steps = np.diff(ascending, axis=0)
        ks = np.where(steps > 0, np.abs(gap[:-1]), 0.0).max(axis=0, initial=0.0)
        return Distances(ks, (np.abs(gap[:-1]) * steps).sum(axis=0) / self.scale)


def _shares(chosen: NDArray[np.bool_]) -> Floats:
    """(n, k) the distribution function of the chosen among ascending values."""
    found: Floats = np.cumsum(chosen, axis=0) / np.maximum(chosen.sum(axis=0), 1)
    return found
