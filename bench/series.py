"""All that was measured: the run, and each contender's visits with their medians."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median

from bench.contenders import Contender
from bench.model import Stage
from bench.visit import Visit


@dataclass(frozen=True)
class Run:
    """How it was measured, noted before it began."""

    command: str
    rounds: int
    seconds: float
    started_at: datetime
    load_average: float  # of the last minute

    @classmethod
    def begin(cls, *, command: str, rounds: int, seconds: float) -> Run:
        return cls(command, rounds, seconds, datetime.now(UTC), os.getloadavg()[0])


@dataclass(frozen=True)
class Series:
    """All visits to one contender, and why some failed."""

    contender: Contender
    stage: Stage
    visits: list[Visit] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def median(self, figure: Callable[[Visit], float | None]) -> float | None:
        """Over the visits that have the figure; None where none has."""
        found = [value for visit in self.visits if (value := figure(visit)) is not None]
        return median(found) if found else None

    @property
    def auth(self) -> str:
        limited = self.visits and all(visit.rate_limited for visit in self.visits)
        return f"{self.contender.auth}, rate limit" if limited else self.contender.auth

    def rps(self, connections: int) -> float | None:
        return self.median(lambda visit: visit.levels[connections].load.rps)

    def p50_ms(self, connections: int) -> float | None:
        return self.median(lambda visit: visit.levels[connections].load.p50_ms)

    def p99_ms(self, connections: int) -> float | None:
        return self.median(lambda visit: visit.levels[connections].load.p99_ms)

    def server_ms(self, connections: int) -> float | None:
        return self.median(lambda visit: visit.levels[connections].server_ms)

    def databases_ms(self, connections: int) -> float | None:
        return self.median(lambda visit: visit.levels[connections].databases_ms)

    def cpu_ms(self, connections: int) -> float | None:
        return self.median(lambda visit: visit.levels[connections].server_ms + visit.levels[connections].databases_ms)

    @property
    def batch(self) -> float | None:
        return self.median(lambda visit: visit.batch_rows_per_second)

    @property
    def start_seconds(self) -> float | None:
        return self.median(lambda visit: visit.start_seconds)

    @property
    def rss_mb(self) -> float | None:
        return self.median(lambda visit: visit.memory.rss_mb)

    @property
    def pss_mb(self) -> float | None:
        return self.median(lambda visit: visit.memory.pss_mb)
