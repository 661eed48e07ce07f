"""One server under measurement: started, asked until it answers, stopped."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import psutil

from bench.failed import Failed
from bench.load import HOST, ask
from bench.meter import tree
from cryptoml_site.embedded.home import SITE
from cryptoml_site.embedded.launch import PARENT, environment
from cryptoml_site.embedded.server import tail

PATIENCE = 120.0  # seconds until the first answer
_PAUSE = 0.005
_SECONDS_TO_DRAIN = 20


@dataclass(frozen=True)
class Question:
    """One body and where it goes."""

    path: str
    body: str
    headers: Mapping[str, str]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str], *, env: Mapping[str, str], log: Path, port: int, question: Question
) -> Iterator[tuple[int, float]]:
    """Its pid and the seconds from its start to its first 200. It ends with us, however we end."""
    told = {**env, PARENT: environment()[PARENT]}
    with log.open("ab") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=SITE, env=told, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _await_first_answer(process, port, question, log)
        yield process.pid, time.perf_counter() - started
    finally:
        _stop(process)


def _await_first_answer(process: subprocess.Popen[bytes], port: int, question: Question, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while (given := _status(port, question)) != "200":
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failed(f"it did not come up ({given}); its log ends with: {tail(log)}")
        time.sleep(_PAUSE)


def _status(port: int, question: Question) -> str:
    """The status, or what came instead of one."""
    try:
        return str(ask(port, question.path, question.body, question.headers).status)
    except (OSError, HTTPException, json.JSONDecodeError) as error:
        return str(error)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """In order, and whatever of its children outlives it by force."""
    if process.poll() is None:
        family = tree(process.pid)
        process.terminate()
        psutil.wait_procs(family, timeout=_SECONDS_TO_DRAIN)
        for left in family:
            if left.is_running():
                left.kill()
    process.wait()
