"""The statistics that people know by name, feature by feature. They are shown and do not decide: on rows that depend on
each other their usual limits are crossed all the time (docs/DRIFT.md).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import kolmogorov

from training.drift.calibration import Calibration
from training.drift.dependence import effective_size
from training.drift.detector import Reading
from training.series import Floats

PSI_BINS = 10  # of equal mass in the reference
PSI_LEAST = 1e-4  # share that an empty bin counts with, or one value would make the index infinite


@dataclass(frozen=True)
class FeatureDrift:
    """One feature of a window beside its reference.

    ks: largest difference of the distribution functions. z: how far the mean is off, in standard deviations of the
    reference. wasserstein: in the same. effective_n: independent rows that the window is worth. p: of ks for so many
    (asymptotic; Kolmogorov 1933). contribution: the standardised distance that the verdict looks at, None where the
    version is not calibrated.
    """

    name: str
    ks: float
    z: float
    psi: float
    wasserstein: float
    effective_n: float
    p: float
    contribution: float | None

    def as_json(self) -> dict[str, float | str | None]:
        return asdict(self)


def classic_statistics(
    names: list[str],
    reference: NDArray[np.float32],
    X: NDArray[np.float32],
    *,
    reading: Reading,
    calibration: Calibration,
) -> list[FeatureDrift]:
    """reference: (n, k), X: (m, k), both finite; reading: of X."""
    known, new = reference.astype(np.float64), X.astype(np.float64)
    spread = np.where(known.std(axis=0) > 0, known.std(axis=0), 1.0)
    z = (new.mean(axis=0) - known.mean(axis=0)) / spread
    found = []
    for place, name in enumerate(names):
        ks = float(reading.distances.ks[place])
        worth, of_reference = (effective_size(len(rows), float(calibration.times[place])) for rows in (X, reference))
        contribution = float(reading.z[place])
        found.append(
            FeatureDrift(
                name=name,
                ks=ks,
                z=float(z[place]),
                psi=population_stability(known[:, place], new[:, place]),
                wasserstein=float(reading.distances.wasserstein[place]),
                effective_n=worth,
                p=float(kolmogorov(ks * np.sqrt(worth * of_reference / (worth + of_reference)))),
                contribution=contribution if np.isfinite(contribution) else None,
            )
        )
    return found


def population_stability(reference: Floats, current: Floats) -> float:
    """PSI over bins of equal mass in the reference: the sum of (q - p) ln(q / p). Both (n,), finite.

    >>> population_stability(np.arange(100.0), np.arange(100.0))
    0.0
    """
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, PSI_BINS + 1)[1:-1]))
    expected, found = (
        np.maximum(np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1) / len(values), PSI_LEAST)
        for values in (reference, current)
    )
    return float(np.sum((found - expected) * np.log(found / expected)))
