"""The statistics that people know by name, feature by feature. They are shown and do not decide: on rows that depend on
each other their usual limits are crossed all the time (docs/drift.md).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from training.drift.calibration import Calibration
from training.drift.dependence import effective_size
from training.drift.detector import Reading
from training.series import Floats

TERMS = 100  # of Kolmogorov's series: enough for fifteen digits where x is over
NEVER_BELOW = 0.1  # below which the probability is 1 to fifteen digits
PSI_BINS = 10  # of equal mass in the reference
PSI_LEAST = 1e-4  # share that an empty bin counts with, or one value would make the index infinite


@dataclass(frozen=True)
class FeatureDrift:
    """One feature of a window beside its reference.

    ks: largest difference of the distribution functions. z: how far the mean is off, in standard deviations of the
    reference. wasserstein: in the same. effective_n: independent rows that the window is worth. p: of ks for so many
    (asymptotic). contribution: the standardised distance that the verdict looks at, None where the
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
                p=kolmogorov(ks * math.sqrt(worth * of_reference / (worth + of_reference))),
                contribution=contribution if np.isfinite(contribution) else None,
            )
        )
    return found


def kolmogorov(x: float) -> float:
    """Probability that D, scaled by the square root of the effective number, is over x where nothing differs.

    Kolmogorov (1933). scipy.special has it too, but processes that answer reach this module and must not load that.

    >>> round(kolmogorov(1.358), 3), kolmogorov(0.0)
    (0.05, 1.0)
    """
    if x < NEVER_BELOW:
        return 1.0
    k = np.arange(1, TERMS + 1)
    return float(np.clip(2 * np.sum((-1.0) ** (k - 1) * np.exp(-2 * (k * x) ** 2)), 0.0, 1.0))


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
