"""Where answers are kept now: the writers of this process, and the spool's folder, which it shares with others."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from predictions.log import Log
from predictions.log.spool import DAMAGED, REFUSED, SUFFIX
from predictions.log.writer import Writer

NEARLY_FULL = 0.8  # share of the spool's limit
LEAST_FREE = 1_000_000  # bytes of disk without which the spool takes nothing


@dataclass(frozen=True, slots=True)
class LogState:
    """fault: why answers go to the spool; None where Postgres takes them. Of other processes only bytes are known."""

    writers: Mapping[str, str]
    fault: str | None
    spool_rows: int
    spool_bytes: int
    spool_limit: int  # bytes
    spool_is_writable: bool
    refused_rows: int
    refused_bytes: int
    damaged_bytes: int

    @classmethod
    def of(cls, log: Log) -> LogState:
        folder = log.spool.folder
        return cls(
            writers={writer.name: _state(writer) for writer in log.writers},
            fault=next((_reason(writer) for writer in log.writers if writer.away.is_set()), None),
            spool_rows=log.spool.rows,
            spool_bytes=_bytes_in(folder, SUFFIX),
            spool_limit=log.spool.limit,
            spool_is_writable=_writable(folder),
            refused_rows=log.replayer.refused,
            refused_bytes=_bytes_in(folder, REFUSED),
            damaged_bytes=_bytes_in(folder, DAMAGED),
        )

    @property
    def spool_takes_rows(self) -> bool:
        return self.spool_is_writable and self.spool_bytes < self.spool_limit

    @property
    def degraded(self) -> list[str]:
        """A sentence each; what waits in the spool is said by who knows of the other processes."""
        found = [f"the log's {name} writer died" for name, state in self.writers.items() if state == "dead"]
        if self.fault:
            found.append(f"Postgres does not take answers, so they go to the spool: {self.fault}")
        if self.spool_bytes > NEARLY_FULL * self.spool_limit:
            share = self.spool_bytes / self.spool_limit
            found.append(f"the spool is {share:.0%} full: at its limit answers are refused")
        if not self.spool_is_writable:
            found.append("the spool's folder cannot be written: while Postgres is away answers are refused")
        if self.refused_rows or self.refused_bytes:
            found.append(f"Postgres refused rows of the spool: look at the {REFUSED} files in its folder")
        if self.damaged_bytes:
            found.append(f"a file of the spool was damaged: look at the {DAMAGED} files in its folder")
        return found

    def as_json(self) -> dict[str, Any]:
        return {
            "writers": self.writers,
            "away": self.fault is not None,
            "why": self.fault,
            "spool_rows": self.spool_rows,
            "spool_bytes": self.spool_bytes,
            "spool_limit_bytes": self.spool_limit,
            "refused_rows": self.refused_rows,
            "refused_bytes": self.refused_bytes,
            "damaged_bytes": self.damaged_bytes,
        }


def _state(writer: Writer) -> str:
    if writer.alive:
        return "alive"
    return "dead" if writer.started else "idle"  # it starts with the first answer


def _reason(writer: Writer) -> str:
    """Without the words of the driver, which name hosts and users."""
    return "it takes too long" if "timeout" in writer.fault else "the connection failed"


def _bytes_in(folder: Path, suffix: str) -> int:
    size = 0
    for path in folder.glob(f"*{suffix}"):
        with suppress(FileNotFoundError):  # just replayed
            size += path.stat().st_size
    return size


def _writable(folder: Path) -> bool:
    """The folder is made with the first row; until then the nearest one that there is counts."""
    there = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    return os.access(there, os.W_OK | os.X_OK) and shutil.disk_usage(there).free > LEAST_FREE
