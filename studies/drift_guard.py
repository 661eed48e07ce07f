"""What the drift policy costs in false alarms, and how soon it sees what was planted: a check a day on many paths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import ks_2samp

from monitoring.drift.findings import Status
from monitoring.drift.policy import incidents, statuses
from studies.drift_paths import Raw, simulated
from training.drift.detector import DriftDetector
from training.drift.distances import Ordered
from training.features.feature_set import feature_set
from training.series import Floats

FEATURE_SET = "technical"
WINDOW = 168
YEAR = 8_760  # rows of the reference
DAY = 24  # rows between two checks
CHECKS = 100  # on one path
NAIVE = 0.05  # p below which the usual rule cries drift
LONGEST = 60  # checks within which a planted shift is to be found

Spoilt = Callable[[Floats], Floats]  # the rows of the features after the shift, as a broken pipeline gives them
RSI = feature_set(FEATURE_SET).names.index("rsi_14")


@dataclass(frozen=True, eq=False)
class Paths:
    """Where paths without a shift come from: resampled from real candles or, without any, simulated."""

    name: str
    raw: Raw | None = None

    def path(self, hours: int, *, seed: int) -> Raw:
        return simulated(hours, seed=seed) if self.raw is None else self.raw.resampled(hours, seed=seed)


@dataclass(frozen=True, eq=False)
class Shift:
    """What is planted after the reference: in the market's moves, or in one column of the features."""

    name: str
    louder: float = 1.0
    spoilt: Spoilt | None = None


def _times(factor: float) -> Spoilt:
    return lambda X: _with(X, X[:, RSI] * factor)


def _stuck(X: Floats) -> Floats:
    return _with(X, np.full(len(X), X[0, RSI]))


def _with(X: Floats, column: Floats) -> Floats:
    spoilt = X.copy()
    spoilt[:, RSI] = column
    return spoilt


SHIFTS = (
    Shift("volatility x 3", louder=3),
    Shift("volatility x 2", louder=2),
    Shift("volatility x 1.5", louder=1.5),
    Shift("rsi_14 as a fraction", spoilt=_times(0.01)),
    Shift("rsi_14 x 100", spoilt=_times(100)),
    Shift("rsi_14 stuck", spoilt=_stuck),
)


@dataclass(frozen=True)
class Quiet:
    """Checks on paths without a shift."""

    checks: int
    warnings: int
    alerts: int
    incidents: int
    naive: int  # checks at which the usual rule, KS with p < .05 of any feature, cried drift

    def __add__(self, other: Quiet) -> Quiet:
        ours, theirs = vars(self).values(), vars(other).values()
        return Quiet(*(mine + yours for mine, yours in zip(ours, theirs, strict=True)))

    def per_thousand(self, count: int) -> float:
        return 1_000 * count / self.checks


def quiet(paths: Paths, seed: int, *, checks: int = CHECKS, naive_every: int = 5) -> Quiet:
    """One path. The usual rule is asked at every fifth check, its count scaled: it costs more than all the rest."""
    X = _features(paths.path(_hours(checks), seed=seed))
    detector, reference = _calibrated(X)
    windows = _windows(X, checks)
    told = statuses([detector.read(reference, window).over for window in windows])
    cried = [_naive(X[:YEAR], window) for window in windows[::naive_every]]
    return Quiet(
        checks=checks,
        warnings=sum(each != Status.OK for each in told),
        alerts=told.count(Status.ALERT),
        incidents=incidents(told),
        naive=round(sum(cried) * checks / len(cried)),
    )


def _naive(reference: Floats, window: Floats) -> bool:
    return any(
        ks_2samp(known, new, method="asymp").pvalue < NAIVE for known, new in zip(reference.T, window.T, strict=True)
    )


def delay(paths: Paths, seed: int, shift: Shift) -> int | None:
    """Daily checks from the planted shift to the first alert; None where there was none within LONGEST."""
    raw = paths.path(_hours(LONGEST), seed=seed)
    warm_up = feature_set(FEATURE_SET).window - 1
    X = _features(raw.louder(shift.louder, since=warm_up + YEAR))
    if shift.spoilt is not None:
        X = np.concatenate([X[:YEAR], shift.spoilt(X[YEAR:])])
    detector, reference = _calibrated(X)
    told = statuses([detector.read(reference, window).over for window in _windows(X, LONGEST)])
    return told.index(Status.ALERT) + 1 if Status.ALERT in told else None


def _hours(checks: int) -> int:
    return feature_set(FEATURE_SET).window - 1 + YEAR + checks * DAY


def _features(raw: Raw) -> Floats:
    X = feature_set(FEATURE_SET).matrix(raw.candles())
    return X[feature_set(FEATURE_SET).window - 1 :]


def _calibrated(X: Floats) -> tuple[DriftDetector, Ordered]:
    return DriftDetector.calibrate(X[:YEAR], window=WINDOW), Ordered.of(X[:YEAR])


def _windows(X: Floats, checks: int) -> list[Floats]:
    ends = YEAR + DAY * np.arange(1, checks + 1)
    return [X[end - WINDOW : end] for end in ends]
