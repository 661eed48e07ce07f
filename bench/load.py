"""Load by wrk, and single questions to see what is being loaded."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.failed import Failed

HOST = "127.0.0.1"
SCRIPT = Path(__file__).with_name("load.lua")
BATCH_ROWS = 1_000  # of one request
_LONGEST_ANSWER = 60  # seconds


@dataclass(frozen=True)
class Bodies:
    """How vectors become request bodies: %-templates, which Lua and Python read alike."""

    single: str
    batch_vector: str = ""
    batch_head: str = ""
    batch_tail: str = ""


@dataclass(frozen=True)
class Load:
    """What wrk saw. Each of its connections asks again as soon as it has its answer."""

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rps(self) -> float:
        return self.answers / self.seconds


def refuse_without_wrk() -> None:
    if shutil.which("wrk") is None:
        sys.exit("The benchmark's load comes from wrk, which is not installed: apt-get install wrk (brew install wrk).")


def load(
    url: str,
    headers: Mapping[str, str],
    *,
    bodies: Bodies,
    rows: Path,
    connections: int,
    seconds: float,
    seed: int,
    batch: int = 0,
) -> Load:
    """Raises Failed when a single answer was not a 200, or did not come.

    rows: file of vectors to mix. batch: rows in a request, 0 for single answers.
    """
    options = ["-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", f"{_LONGEST_ANSWER}s", "-s", str(SCRIPT)]
    sent = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    template = bodies.batch_vector if batch else bodies.single
    given = [str(rows), str(seed), str(batch), template, bodies.batch_head, bodies.batch_tail]
    command = ["wrk", *options, *sent, url, "--", *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 2 * _LONGEST_ANSWER)
    return _read(done.stdout, done.stderr)


def _read(output: str, errors: str) -> Load:
    found = [line.removeprefix("BENCH ") for line in output.splitlines() if line.startswith("BENCH ")]
    if not found:
        raise Failed(f"wrk gave no figures: {errors.strip() or output.strip()}")
    figures = json.loads(found[0])
    refused, broken = figures.pop("refused"), figures.pop("broken")
    if refused or broken or not figures["answers"]:
        raise Failed(f"of {figures['answers']} answers {refused} were refusals, {broken} connections broke")
    return Load(**figures)


@dataclass(frozen=True)
class Reply:
    """One answer. `content` is JSON where the status is 200, text elsewhere."""

    status: int
    content: Any
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        return self.status == HTTPStatus.OK


def ask(port: int, path: str, body: str, headers: Mapping[str, str]) -> Reply:
    """One POST; OSError and HTTPException where no answer comes."""
    with closing(HTTPConnection(HOST, port, timeout=_LONGEST_ANSWER)) as connection:
        connection.request("POST", path, body, dict(headers))
        reply = connection.getresponse()
        content = reply.read()
        said = json.loads(content) if reply.status == HTTPStatus.OK else content.decode(errors="replace")
        return Reply(reply.status, said, {name.lower(): value for name, value in reply.getheaders()})
