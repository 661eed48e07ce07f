"""The measurements as Markdown: medians over the rounds, ratios of ours to each peer, the machine they come from."""

import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

from bench.contenders import OURS, THREADS, WORKERS
from bench.load import BATCH_ROWS
from bench.model import CANDLES, MARKET, TREES
from bench.series import Run, Series
from bench.targets import target_rows
from bench.visit import BATCH_CONNECTIONS, LEVELS

NOTHING = "-"


def markdown(run: Run, everybody: Sequence[Series]) -> str:
    measured = [series for series in everybody if series.visits]
    parts = [_head(run), _machine(run), _throughput(measured), _ratios(measured), _footprint(measured)]
    parts += [_targets(measured), _failures(everybody)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(run: Run) -> str:
    levels = ", ".join(map(str, LEVELS))
    rounds = f"{run.rounds} round{'s' if run.rounds > 1 else ''}"
    return f"""# Serving, measured

Written by `{run.command}` on {run.started_at:%Y-%m-%d %H:%M} UTC.

- The model: {TREES} trees on the nine classic features, trained by `manage.py train` on {CANDLES:,} simulated
  candles of {MARKET}. Every server gets the same one, as `native.joblib` or as `model.onnx`.
- The servers: {WORKERS} workers each, arithmetic on one thread. Ours is granian with {THREADS} threads a worker, as
  `make up` starts it; the FastAPI ones are uvicorn with uvloop and httptools.
- {rounds} of {run.seconds:g} s a level. Each round visits every server in turn: it is started, warmed,
  loaded and stopped, alone. Figures are medians over the rounds.
- The load: wrk on the same machine; {levels} connections, each asks again as soon as it has its answer; every
  request bears another vector.
- What gets no figure: a server that answers random vectors otherwise than the model does, that gives an answer under
  load that is no 200, that checks keys and answers without one, or whose log in Postgres lacks an answer afterwards.
  Postgres runs with fsync and synchronous_commit on.
- CPU ms: of an answer at c={LEVELS[1]}, in the server's processes + in Postgres and Valkey.
- Batches: {BATCH_ROWS:,} rows a request, {BATCH_CONNECTIONS} connections.
- Start: from the start of the process to its first 200. Memory: of all processes of the server after the load; PSS
  counts a shared page once."""


def _machine(run: Run) -> str:
    total = psutil.virtual_memory().total / 2**30
    return (
        f"The machine: {os.cpu_count()} cores of {_processor()}, {total:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}; load average at the start {run.load_average:.2f}."
    )


def _processor() -> str:
    """The kernel's name for it, on Linux."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _throughput(measured: Iterable[Series]) -> str:
    heads = ["", "log", "auth", *(f"c={level} rps / p50 / p99 ms" for level in LEVELS), "CPU ms", "batch rows/s"]
    rows = [
        [
            *(series.contender.title, series.contender.log, series.auth),
            *(_level(series, connections) for connections in LEVELS),
            f"{_number(series.server_ms(LEVELS[1]), 2)} + {_number(series.databases_ms(LEVELS[1]), 2)}",
            _number(series.batch, 0),
        ]
        for series in measured
    ]
    return "## Throughput\n\n" + _table(heads, rows)


def _level(series: Series, connections: int) -> str:
    p50, p99 = series.p50_ms(connections), series.p99_ms(connections)
    return f"{_number(series.rps(connections), 0)} / {_number(p50, 2)} / {_number(p99, 1)}"


def _ratios(measured: Sequence[Series]) -> str:
    """Empty where ours was not measured."""
    ours = next((series for series in measured if series.contender.name == OURS.name), None)
    if ours is None or len(measured) == 1:
        return ""
    heads = [*(f"rps c={level}" for level in LEVELS), *(f"p99 c={level}" for level in LEVELS), "CPU", "batch rows/s"]
    rows = [
        [
            series.contender.title,
            *(_times(ours.rps(level), series.rps(level)) for level in LEVELS),
            *(_times(ours.p99_ms(level), series.p99_ms(level)) for level in LEVELS),
            _times(ours.cpu_ms(LEVELS[1]), series.cpu_ms(LEVELS[1])),
            _times(ours.batch, series.batch),
        ]
        for series in measured
        if series is not ours
    ]
    return f"## {OURS.title} as a multiple of each\n\n" + _table(["", *heads], rows)


def _footprint(measured: Iterable[Series]) -> str:
    rows = [
        [
            series.contender.title,
            _number(series.start_seconds, 2),
            _number(series.rss_mb, 0),
            _number(series.pss_mb, 0),
        ]
        for series in measured
    ]
    return "## Memory and start\n\n" + _table(["", "start, s", "RSS, MB", "PSS, MB"], rows)


def _targets(measured: Sequence[Series]) -> str:
    rows = target_rows({series.contender.name: series for series in measured})
    return "## What was asked\n\n" + _table(["", "asked", "measured", ""], rows) if rows else ""


def _failures(everybody: Iterable[Series]) -> str:
    lines = [f"- {series.contender.title}: {failure}" for series in everybody for failure in series.failures]
    return "## Failed visits\n\n" + "\n".join(lines) if lines else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, ["---"] * len(heads), *rows))


def _number(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:,.{digits}f}"


def _times(ours: float | None, peer: float | None) -> str:
    return NOTHING if ours is None or not peer else f"{ours / peer:.3g}x"
