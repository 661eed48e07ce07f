"""The whole table of the drift policy: false alarms, delays and run lengths."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from multiprocessing import get_context
from operator import add
from pathlib import Path
from statistics import median

import django
import numpy as np

from studies.drift_guard import SHIFTS, Paths, Quiet, Shift, delay, quiet
from studies.drift_paths import HOUR, Raw
from training.drift.cusum import Cusum
from training.series import CandleSeries

COLUMNS = ("open", "high", "low", "close", "volume")
ERROR_RATE = 0.47
ALARMS = (2.5, 3.0, 3.5, 4.0)


@dataclass(frozen=True)
class Delays:
    """found: daily checks until the first alert, of those that had one."""

    shift: str
    found: Sequence[int]
    paths: int

    def share_by(self, check: int) -> float:
        """Of the paths, found by that daily check."""
        return sum(each <= check for each in self.found) / self.paths

    @property
    def median(self) -> float | None:
        return median(self.found) if self.found else None


@dataclass(frozen=True)
class RunLengths:
    alarm: float
    false: float  # outcomes between two false alarms
    true: float  # until a fall from 53 to 45 right answers in a hundred is found


@dataclass(frozen=True)
class Policy:
    quiet: dict[str, Quiet]  # by where the paths come from
    delays: Sequence[Delays]
    run_lengths: Sequence[RunLengths]


def study(hourly: Path, *, paths: int, shifted: int, processes: int) -> Policy:
    """hourly: a CSV file of hourly candles. paths: without a shift, of each kind. shifted: of each shift."""
    kinds = (Paths("resampled from the candles", Raw.of(_candles(hourly))), Paths("GARCH(1,1), errors of t"))
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=django.setup) as pool:
        calm = {kind.name: [pool.submit(quiet, kind, seed) for seed in range(paths)] for kind in kinds}
        late = {
            place: [pool.submit(_delay, kinds[0], seed, place) for seed in range(shifted)]
            for place, _ in enumerate(SHIFTS)
        }
        return Policy(
            {name: reduce(add, (each.result() for each in asked)) for name, asked in calm.items()},
            [_delays(SHIFTS[place], [each.result() for each in asked]) for place, asked in late.items()],
            list(run_lengths()),
        )


def _delay(paths: Paths, seed: int, place: int) -> int | None:
    """By the shift's place: what it does to the features is no message to another process."""
    return delay(paths, seed, SHIFTS[place])


def _delays(shift: Shift, checks: Sequence[int | None]) -> Delays:
    return Delays(shift.name, [each for each in checks if each is not None], len(checks))


def run_lengths() -> Iterator[RunLengths]:
    for alarm in ALARMS:
        cusum = Cusum(ERROR_RATE, alarm=alarm)
        yield RunLengths(alarm, cusum.run_length(), cusum.run_length(0.55))


def _candles(file: Path) -> CandleSeries:
    with file.open() as lines:
        rows = list(csv.DictReader(lines))
    stamps = np.array([int(datetime.fromisoformat(row["timestamp"]).timestamp()) for row in rows])
    figures = {name: np.array([float(row[name] or "nan") for row in rows]) for name in COLUMNS}
    return CandleSeries.on_grid(interval=HOUR, opened_at=stamps, **figures)
