"""What works and what does not, as this web process sees it."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import Any

import psutil
from django.conf import settings
from django.db import Error
from redis import Redis, RedisError

from cryptoml_site.clock import now
from predictions.engine import Snapshot, engine
from predictions.follower import POLL_SECONDS, follower
from predictions.models import WebProcess

STARTED = time.monotonic()
LOST_AFTER = 20 * POLL_SECONDS  # a follower silent for so long has lost the ledger
DISK_RESERVE = 0.05  # share of the disk that should stay free


@dataclass(frozen=True)
class Health:
    snapshot: Snapshot
    database: str | None  # None: well; otherwise what is wrong
    valkey: str | None
    disk_free: float  # share of 1
    seconds_behind: float | None
    problems_elsewhere: list[str]  # what other living web processes cannot serve
    workers: list[dict[str, Any]]

    @property
    def degraded(self) -> list[str]:
        """What is wrong, a sentence each."""
        mine = [f"model {name}: {problem}" for name, problem in self.snapshot.problems.items()]
        found = sorted({*mine, *self.problems_elsewhere})
        if self.database:
            found.append(f"Postgres does not answer: {self.database}")
        if self.valkey:
            found.append(f"Valkey does not answer: {self.valkey}")
        if self.seconds_behind is None or self.seconds_behind > LOST_AFTER:
            found.append("this process does not follow the ledger: promotions do not reach it")
        if not self.snapshot.serving:
            found.append("no model is in production")
        if self.disk_free < DISK_RESERVE:
            found.append(f"{self.disk_free:.0%} of the disk is free")
        return found

    @property
    def ready(self) -> bool:
        return self.database is None and bool(self.snapshot.serving)

    def as_json(self) -> dict[str, Any]:
        memory = psutil.virtual_memory()
        return {
            "status": "degraded" if self.degraded else "ok",
            "degraded": self.degraded,
            "generation": self.snapshot.generation,
            "default": self.snapshot.default,
            "models": {
                name: {
                    "version": held.version.number,
                    "deployment": held.deployment,
                    "simulated": held.version.simulated,
                }
                for name, held in self.snapshot.serving.items()
            },
            "dependencies": {"postgres": self.database or "ok", "valkey": self.valkey or "ok"},
            "workers": self.workers,
            "system": {
                "cpu_percent": psutil.cpu_percent(),
                "memory_percent": memory.percent,
                "process_memory_bytes": psutil.Process().memory_info().rss,
                "disk_free_percent": round(100 * self.disk_free, 1),
                "uptime_seconds": round(time.monotonic() - STARTED, 1),
            },
        }


def examine() -> Health:
    workers, problems, database = _workers()
    disk = shutil.disk_usage(settings.CRYPTOML_HOME)
    return Health(
        snapshot=engine.snapshot,
        database=database,
        valkey=_valkey_fault(),
        disk_free=disk.free / disk.total,
        seconds_behind=follower.seconds_behind(),
        problems_elsewhere=problems,
        workers=workers,
    )


def _workers() -> tuple[list[dict[str, Any]], list[str], str | None]:
    """The living web processes, what they cannot serve, and what is wrong with Postgres; no host and no user named."""
    try:
        alive = list(WebProcess.objects.alive(now()))
    except Error as error:
        return [], [], type(error).__name__
    problems = [f"model {name}: {problem}" for process in alive for name, problem in process.problems.items()]
    rows = [{"id": process.pk, "generation": process.generation, "seen_at": process.seen_at} for process in alive]
    return rows, problems, None


def _valkey_fault() -> str | None:
    try:
        with Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1) as valkey:
            valkey.ping()
    except RedisError as error:
        return type(error).__name__
    return None
