"""What works and what does not, as this web process sees it. Nothing here waits for Postgres: the follower looks."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psutil
from django.conf import settings
from django.db import Error
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from cryptoml_site.clock import now
from monitoring.log_state import LogState
from monitoring.workers.seen import seen
from predictions.engine import Snapshot, engine
from predictions.fleet import fleet
from predictions.follower import AWAY_AFTER, POLL_SECONDS, follower
from predictions.keyring import KeyRing, keyring
from predictions.log import log
from predictions.models import Scope, WebProcess
from predictions.throttling import limiter
from training.concerns import span

STARTED = time.monotonic()
LOST_AFTER = 20 * POLL_SECONDS  # a follower silent for so long has lost the ledger
UNCONFIRMED_AFTER = 60.0  # seconds; keys are read again each KeyRing.LIFE
DISK_RESERVE = 0.05  # share of the disk that should stay free
VALKEY_PATIENCE = 0.2  # seconds


@dataclass(frozen=True)
class Health:
    snapshot: Snapshot
    database: str | None  # None: well; otherwise what is wrong
    valkey: str | None
    log: LogState
    limits_are_local: bool  # each process keeps its share of the rate limits
    keys_age: float | None  # seconds since Postgres confirmed the API keys; None: it never did
    disk_free: float  # share of 1
    seconds_behind: float | None
    workers: Sequence[WebProcess]  # the living ones, as last seen

    @property
    def degraded(self) -> list[str]:
        """What is wrong, a sentence each."""
        found = [*self._models(), *self._dependencies(), *self.log.degraded, *self._waiting(), *self._lagging()]
        found += seen.degraded()
        if self.disk_free < DISK_RESERVE:
            found.append(f"{self.disk_free:.0%} of the disk is free")
        return found

    @property
    def ready(self) -> bool:
        """Whether a prediction can be answered and kept, in Postgres or in the spool."""
        if not self.snapshot.serving:
            return False
        if self.database is None and self.log.fault is None:
            return True
        return self.log.spool_takes_rows and (self._keys_hold or Scope.PREDICT in settings.ANONYMOUS_SCOPES)

    def as_json(self) -> dict[str, Any]:
        degraded = self.degraded
        return {
            "status": "degraded" if degraded else "ok",
            "degraded": degraded,
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
            "dependencies": {"postgres": self.database or self.log.fault or "ok", "valkey": self.valkey or "ok"},
            "log": self.log.as_json(),
            "rate_limit": "local" if self.limits_are_local else "ok",
            "keys": {"confirmed_seconds_ago": self.keys_age and round(self.keys_age, 1)},
            "workers": list(map(worker_json, self.workers)),
            "background": seen.as_json(),
            "system": system_json(self.disk_free),
        }

    @property
    def _keys_hold(self) -> bool:
        return self.keys_age is not None and self.keys_age < KeyRing.UNCONFIRMED.total_seconds()

    def _models(self) -> list[str]:
        problems = [*self.snapshot.problems.items(), *(told for each in self.workers for told in each.problems.items())]
        found = sorted({f"model {name}: {problem}" for name, problem in problems})
        found += [f"model {held.expiry}" for held in self.snapshot.serving.values() if held.expired(now())]
        return found if self.snapshot.serving else [*found, "no model is in production"]

    def _dependencies(self) -> list[str]:
        found = []
        if self.database:
            found.append(f"Postgres does not answer: {self.database}")
        if self.valkey:
            found.append(f"Valkey does not answer, so each process keeps its share of the rate limits: {self.valkey}")
        if self.seconds_behind is None or self.seconds_behind > LOST_AFTER:
            found.append("this process does not follow the ledger: promotions do not reach it")
        if self.keys_age is None:
            found.append("no API key was ever confirmed by Postgres to this process")
        elif self.keys_age > UNCONFIRMED_AFTER:
            age = span(timedelta(seconds=self.keys_age))
            found.append(f"API keys were last confirmed {age} ago: revocations do not reach this process")
        return found

    def _waiting(self) -> list[str]:
        own, others = (
            self.log.spool_rows,
            sum(each.spool_rows for each in self.workers if each.pk != follower.process_id),
        )
        if not (own or others or self.log.spool_bytes):
            return []
        rows = f"{own:,} of this process, {others:,} of others when last seen"
        return [f"answers wait for Postgres in the spool: {rows}, {self.log.spool_bytes:,} bytes in its folder"]

    def _lagging(self) -> list[str]:
        return [
            f"worker {str(each.pk)[:8]} serves generation {each.generation}, older than the newest "
            f"({each.newest_generation}), for {span(each.lag)}"
            for each in self.workers
            if each.lags
        ]


def examine() -> Health:
    disk = shutil.disk_usage(settings.CRYPTOML_HOME)
    return Health(
        snapshot=engine.snapshot,
        database=_postgres_fault(),
        valkey=_valkey_fault(),
        log=LogState.of(log),
        limits_are_local=limiter.away,
        keys_age=_keys_age(),
        disk_free=disk.free / disk.total,
        seconds_behind=follower.seconds_behind(),
        workers=fleet.processes,
    )


def worker_json(worker: WebProcess) -> dict[str, Any]:
    """No host and no user is named."""
    return {
        "id": worker.pk,
        "generation": worker.generation,
        "behind_seconds": round(worker.lag.total_seconds(), 1),
        "spool_rows": worker.spool_rows,
        "seen_at": worker.seen_at,
    }


def system_json(disk_free: float) -> dict[str, Any]:
    return {
        "cpu_percent": psutil.cpu_percent(),
        "memory_percent": psutil.virtual_memory().percent,
        "process_memory_bytes": psutil.Process().memory_info().rss,
        "disk_free_percent": round(100 * disk_free, 1),
        "uptime_seconds": round(time.monotonic() - STARTED, 1),
    }


def _postgres_fault() -> str | None:
    """By when it last answered the follower: a Postgres that hangs would keep whoever asks it."""
    if follower.ident is None:  # it was never started, as under `runserver`: nobody else looks
        return _look_now()
    behind = follower.seconds_behind()
    if behind is None:
        return "it never answered this process"
    return f"not for {behind:.0f} s" if behind > AWAY_AFTER else None


def _look_now() -> str | None:
    try:
        fleet.look()
    except Error as error:
        return type(error).__name__
    return None


def _valkey_fault() -> str | None:
    try:
        with Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=VALKEY_PATIENCE,
            socket_connect_timeout=VALKEY_PATIENCE,
            retry=Retry(NoBackoff(), 0),
            protocol=2,  # without redis-py's handshake, which would wait once more
            driver_info=None,
        ) as valkey:
            valkey.ping()
    except RedisError as error:
        return type(error).__name__
    return None


def _keys_age() -> float | None:
    if keyring.confirmed_at is None:
        return None
    return abs((now() - keyring.confirmed_at).total_seconds())  # a clock that was set back confirms nothing
