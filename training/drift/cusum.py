"""Do answers go wrong more often than they did? Page's cumulative sum of settled errors.

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

WORSE = 0.08  # added to the error rate: what is to be found
ALARM = 3.5  # h
PATHS = 2_000  # simulated for a run length


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
