"""One visit to one contender: start it, see that it answers as the model does, load it, count its log, stop it."""

from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from subprocess import SubprocessError

import numpy as np
import psutil
from psycopg import sql

from bench.contenders import KEY_HEADER, Contender
from bench.failed import Failed
from bench.load import BATCH_ROWS, HOST, Load, ask, load
from bench.meter import Memory, cpu_seconds, memory
from bench.model import Stage
from bench.serving import free_port, serving
from cryptoml_site.embedded.server import Say

LEVELS = (1, 16, 64)
BATCH_CONNECTIONS = 4  # fewer may all end up in one worker
_WARM_CONNECTIONS = 16
_WARM_SECONDS = 1
_PROBES = 20
_PARITY = 1e-5  # float32 sums of the ONNX model beside the native one's float64


@dataclass(frozen=True)
class Plan:
    seconds: float  # of load on each level
    seed: int  # of the vectors, the same for every contender


@dataclass(frozen=True)
class Level:
    """What one number of connections saw, and what an answer cost."""

    load: Load
    server_ms: float  # CPU milliseconds an answer
    databases_ms: float


@dataclass(frozen=True)
class Visit:
    start_seconds: float
    levels: dict[int, Level]
    batch_rows_per_second: float | None  # None where it takes no batches
    memory: Memory
    rate_limited: bool  # its answers say how many more are allowed


def visit(contender: Contender, stage: Stage, plan: Plan, say: Say) -> Visit:
    """Raises Failed when it does not start, answers otherwise than the model, refuses, or lost an answer."""
    try:
        return _visit(contender, stage, plan, say)
    except (OSError, HTTPException, SubprocessError, psutil.Error) as error:
        raise Failed(f"{type(error).__name__}: {error}") from error


def _visit(contender: Contender, stage: Stage, plan: Plan, say: Say) -> Visit:
    with stage.postgres.as_superuser() as connection:
        connection.execute("CHECKPOINT")  # so that none is due because of what others wrote
    port = free_port()
    server = serving(
        contender.command(stage, port),
        env=contender.environment(stage),
        log=stage.home.logs / f"{contender.name}.log",
        port=port,
        question=contender.question(stage, stage.mixtures(plan.seed, 1)[0]),
    )
    with server as (pid, start_seconds):
        visitor = _Visitor(contender, stage, plan, port, pid)
        visitor.refuse_open_door()
        rate_limited = visitor.refuse_other_answers()
        before = visitor.logged_rows()
        visitor.warm()
        levels = {connections: visitor.level(connections, say) for connections in LEVELS}
        batch = visitor.batch_rows_per_second(say)
        visitor.refuse_lost_answers(before)
        return Visit(start_seconds, levels, batch, memory(pid), rate_limited)


@dataclass
class _Visitor:
    contender: Contender
    stage: Stage
    plan: Plan
    port: int
    pid: int
    answers: int = 0  # rows that were answered under load

    def refuse_open_door(self) -> None:
        """Who says that keys are checked must refuse a question without one."""
        asked = self.contender.question(self.stage, self.stage.mixtures(self.plan.seed, 1)[0])
        keyless = {name: value for name, value in asked.headers.items() if name != KEY_HEADER}
        if self.contender.guarded and ask(self.port, asked.path, asked.body, keyless).status != HTTPStatus.UNAUTHORIZED:
            raise Failed("it answers without a key")

    def refuse_other_answers(self) -> bool:
        """Whoever answers quicker by answering something else is no contender. Whether answers tell a rate limit."""
        vectors = self.stage.mixtures(self.plan.seed, _PROBES)
        expected = self.stage.classifier().probability_up(vectors.astype(np.float32))
        for vector, probability in zip(vectors, expected, strict=True):
            asked = self.contender.question(self.stage, vector)
            reply = ask(self.port, asked.path, asked.body, asked.headers)
            if not reply.ok or abs(self.contender.probability_up(reply.content) - probability) > _PARITY:
                told = f"{reply.status} {reply.content}"
                raise Failed(f"asked {asked.body}, it answered {told}; the model gives {probability}")
        return any(name.startswith(("ratelimit", "x-ratelimit")) for name in reply.headers)

    def warm(self) -> None:
        self._load(_WARM_CONNECTIONS, seconds=_WARM_SECONDS)

    def level(self, connections: int, say: Say) -> Level:
        databases = self.stage.server_pids()
        before = cpu_seconds(self.pid), sum(map(cpu_seconds, databases))
        seen = self._load(connections, seconds=self.plan.seconds)
        after = cpu_seconds(self.pid), sum(map(cpu_seconds, databases))
        server_ms, databases_ms = ((b - a) * 1e3 / seen.answers for a, b in zip(before, after, strict=True))
        told = f"{seen.rps:,.0f} rps, p50 {seen.p50_ms:.2f} ms, p99 {seen.p99_ms:.1f} ms"
        say(f"  c={connections}: {told}, CPU {server_ms:.2f} + {databases_ms:.2f} ms")
        return Level(seen, server_ms, databases_ms)

    def batch_rows_per_second(self, say: Say) -> float | None:
        if not self._takes_batches():
            return None
        rows = self._load(BATCH_CONNECTIONS, seconds=self.plan.seconds, batch=BATCH_ROWS).rps * BATCH_ROWS
        say(f"  batches: {rows:,.0f} rows/s")
        return rows

    def refuse_lost_answers(self, before: int) -> None:
        lost = self.answers - (self.logged_rows() - before) if self.contender.table else 0
        if lost > 0:
            raise Failed(f"of {self.answers:,} answers {lost:,} are not in its log")

    def logged_rows(self) -> int:
        if not self.contender.table:
            return 0
        count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(self.contender.table))
        with self.stage.database() as connection:
            found = connection.execute(count).fetchone()
        return int(found[0]) if found else 0

    def _load(self, connections: int, *, seconds: float, batch: int = 0) -> Load:
        path = self.contender.batch_path if batch else self.contender.path
        seen = load(
            f"http://{HOST}:{self.port}{path}",
            self.contender.headers(self.stage),
            bodies=self.contender.bodies,
            rows=self.stage.rows,
            connections=connections,
            seconds=seconds,
            seed=self.plan.seed + connections,
            batch=batch,
        )
        self.answers += seen.answers * max(batch, 1)
        return seen

    def _takes_batches(self) -> bool:
        bodies = self.contender.bodies
        vectors = self.stage.mixtures(self.plan.seed, BATCH_ROWS)
        rows = ",".join(bodies.batch_vector % tuple(vector) for vector in vectors)
        body = bodies.batch_head + rows + bodies.batch_tail
        reply = ask(self.port, self.contender.batch_path, body, self.contender.headers(self.stage))
        if not reply.ok and reply.status != HTTPStatus.NOT_FOUND:
            raise Failed(f"a batch was answered {reply.status} {reply.content}")
        return reply.ok
