"""What a version's bundle keeps, so that drift away from its training rows can be told later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from training.drift.dependence import autocorrelation_time
from training.drift.detector import DriftDetector, window_length
from training.evaluation.archive import pack_arrays, unpack_arrays
from training.series import Floats


@dataclass(frozen=True, eq=False)
class Calibration:
    """features: of the reference rows. score: of the probabilities that the walk-forward gave. times: (k,) the
    features' autocorrelation times in rows. longest_still: (k,) most rows in a row that had the same value.
    """

    features: DriftDetector
    score: DriftDetector
    times: Floats
    longest_still: Floats

    @classmethod
    def of(cls, X: NDArray[np.float32], probability: Floats, *, interval: int) -> Self:
        """X: (n, k), the reference rows. probability: (m,) of rows unseen by their models."""
        window, columns = window_length(interval), X.T.astype(np.float64)
        return cls(
            features=DriftDetector.calibrate(X, window=window),
            score=DriftDetector.calibrate(probability[:, np.newaxis], window=window),
            times=np.array([autocorrelation_time(column) for column in columns]),
            longest_still=np.array([longest_still(column) for column in columns], dtype=np.float64),
        )

    @property
    def window(self) -> int:
        return self.features.window

    def pack(self) -> bytes:
        """As a bundle keeps it."""
        return pack_arrays(
            times=self.times,
            longest_still=self.longest_still,
            **{f"features_{name}": value for name, value in self.features.arrays().items()},
            **{f"score_{name}": value for name, value in self.score.arrays().items()},
        )

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        held = unpack_arrays(packed)
        features, score = (
            DriftDetector.from_arrays({name: held[f"{part}_{name}"] for name in DriftDetector.ARRAYS})
            for part in ("features", "score")
        )
        return cls(features, score, held["times"], held["longest_still"])


def longest_still(values: Floats) -> int:
    """Most values in a row that are the same.

    >>> longest_still(np.array([1.0, 2.0, 2.0, 2.0, 1.0]))
    3
    """
    if len(values) == 0:
        return 0
    changes = np.flatnonzero(np.diff(values))
    return int(np.diff(np.concatenate([[-1], changes, [len(values) - 1]])).max())
