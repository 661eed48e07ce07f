"""Do answers go wrong more often than they did, and are they as sure as they should be? Cumulative sums of outcomes.

Page (1954), Continuous inspection schemes: the log likelihood ratio of an error rate p1 over p0 is summed, never below
0, and over h it is an alarm. Among all schemes with the same mean time between false alarms none finds a change to p1
sooner in the worst case (Moustakides 1986).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from training.series import Floats

WORSE = 0.08  # added to the error rate: what is to be found
ALARM = 3.5  # h
PATHS = 2_000  # simulated for a run length
SHIFT = 0.32  # log odds: what is said to go up half of the time goes up in 58 %, or 42 %, of it
CALIBRATION_ALARM = 4.2  # of either side: some 2,900 outcomes between false alarms, by simulation
SUREST = 1e-6  # and 1 minus it: a surer probability would make one outcome an alarm


@dataclass(frozen=True)
class Cusum:
    """error_rate: p0, what the version made by itself in its walk-forward, within (0, 1 - worse)."""

    error_rate: float
    worse: float = WORSE
    alarm: float = ALARM
    LEAST_RATE: ClassVar = 0.01
    MOST_RATE: ClassVar = 0.9

    def __post_init__(self) -> None:
        if not 0 < self.error_rate < 1 - self.worse:
            raise ValueError(f"an error rate of {self.error_rate} cannot be worse by {self.worse} and stay below 1")

    @property
    def of_an_error(self) -> float:
        return math.log((self.error_rate + self.worse) / self.error_rate)

    @property
    def of_a_hit(self) -> float:
        """Negative."""
        return math.log((1 - self.error_rate - self.worse) / (1 - self.error_rate))

    def sums(self, errors: Iterable[bool], *, since: float = 0.0, most: float = math.inf) -> list[float]:
        """After each outcome, oldest first; none above `most`.

        >>> [round(value, 2) for value in Cusum(0.47).sums([True, False, True])]
        [0.16, 0.0, 0.16]
        """
        total, found = since, []
        for error in errors:
            total = min(max(0.0, total + (self.of_an_error if error else self.of_a_hit)), most)
            found.append(total)
        return found

    def run_length(self, error_rate: float | None = None, *, seed: int = 7) -> float:
        """Mean outcomes until an alarm where answers go wrong so often; by default as often as before: a false one."""
        return _run_length(self, self.error_rate if error_rate is None else error_rate, seed)


@dataclass(frozen=True)
class CalibrationCusum:
    """Do things go up more often, or less often, than was said? Two sums, each of the log likelihood ratio of outcomes
    whose log odds are off by `shift` to one side (Steiner et al. 2000, Monitoring surgical performance using
    risk-adjusted cumulative sum charts).
    """

    shift: float = SHIFT
    alarm: float = CALIBRATION_ALARM

    def sums(self, probability_up: Floats, rose: NDArray[np.bool_], *, most: float = math.inf) -> tuple[float, float]:
        """In the end, that of too few ups foreseen and that of too many; none above `most`. (n,) each, oldest first.

        >>> high, low = CalibrationCusum().sums(np.full(4, 0.5), np.array([True, True, True, False]))
        >>> round(high, 2), round(low, 2)
        (0.27, 0.15)
        """
        said = np.clip(probability_up, SUREST, 1 - SUREST)
        odds = np.log(said / (1 - said))
        return self._sum(odds, rose, self.shift, most), self._sum(odds, rose, -self.shift, most)

    def _sum(self, odds: Floats, rose: NDArray[np.bool_], shift: float, most: float) -> float:
        """Of ln(p' / p) for what went up and ln((1 - p') / (1 - p)) for what did not, log odds of p' being shifted."""
        gained = np.logaddexp(0.0, odds) - np.logaddexp(0.0, odds + shift) + np.where(rose, shift, 0.0)
        total = 0.0
        for each in gained.tolist():
            total = min(max(0.0, total + each), most)
        return total


@lru_cache(maxsize=256)
def _run_length(cusum: Cusum, error_rate: float, seed: int) -> float:
    """By simulation: the mean of PATHS first passages, all walked side by side."""
    rng, sums = np.random.default_rng(seed), np.zeros(PATHS)
    ended, outcomes = 0.0, 0
    while len(sums):
        outcomes += 1
        wrong = rng.random(len(sums)) < error_rate
        sums = np.maximum(0.0, sums + np.where(wrong, cusum.of_an_error, cusum.of_a_hit))
        alarmed = sums > cusum.alarm
        ended += outcomes * int(alarmed.sum())
        sums = sums[~alarmed]
    return ended / PATHS
