"""granian, as `up` runs it, and the questions that show that it answers."""

import json
import socket
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException

from cryptoml_site.embedded.errors import ServersUnavailable
from cryptoml_site.embedded.home import Home
from cryptoml_site.embedded.launch import launched
from cryptoml_site.embedded.server import PATIENCE, tail
from cryptoml_site.embedded.supervision import Program
from training.features.classic import EXAMPLE

HOST = "127.0.0.1"
_SECONDS_TO_DRAIN = 10  # for answers in flight when a worker is told to stop


def web_program(*, port: int, workers: int, threads: int) -> Program:
    """granian starts a dead worker again; supervisord granian, which ends when a worker dies twice within 5.5 s."""
    options = {
        "--interface": "wsgi",
        "--host": HOST,
        "--port": port,
        "--workers": workers,
        "--blocking-threads": threads,
        "--workers-kill-timeout": _SECONDS_TO_DRAIN,
        "--log-level": "warning",
    }
    granian = [sys.executable, "-m", "granian", *(str(part) for option in options.items() for part in option)]
    # One thread each, or the arithmetic's fight the workers; few arenas, or 16 threads each keep what a batch took.
    modest = ["env", "OMP_NUM_THREADS=1", "MALLOC_ARENA_MAX=2"]
    command = [*modest, *granian, "--respawn-failed-workers", "cryptoml_site.wsgi:application"]
    return Program("web", launched(command), priority=30, autostart=False, stopwaitsecs=_SECONDS_TO_DRAIN + 5)


def refuse_taken_port(port: int) -> None:
    """Say at once what granian would only say in its log."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError as error:
            raise ServersUnavailable(f"Port {port} is for root alone: PORT={port + 8000} make up") from error
        except OverflowError as error:
            raise ServersUnavailable(f"PORT={port} is no port: they go from 1 to 65535.") from error
        except OSError as error:
            raise ServersUnavailable(
                f"Port {port} is taken by another program: choose another one, as in PORT={port + 1} make up"
            ) from error


def await_free_port(port: int) -> None:
    """Wait for a granian that is ending."""
    deadline = time.monotonic() + _SECONDS_TO_DRAIN + 5
    while time.monotonic() < deadline:
        with suppress(ServersUnavailable):
            refuse_taken_port(port)
            return
        time.sleep(0.05)


def await_web(home: Home, port: int, api_key: str, *, alive: Callable[[], bool]) -> None:
    """Return once /health and a prediction have answered 200 through HTTP."""
    deadline = time.monotonic() + PATIENCE
    headers = {"X-API-Key": api_key, "Content-Type": "application/json"}
    headers["X-Forwarded-Proto"] = "https"  # as the proxy of an https PUBLIC_URL says; without one nobody reads it
    for method, path, body in (("GET", "/health", None), ("POST", "/predict", json.dumps(EXAMPLE))):
        while (answer := _answer(port, method, path, body, headers)) != "200":
            if not alive() or time.monotonic() > deadline:
                log = home.logs / "web.log"
                raise ServersUnavailable(f"{method} {path} gives '{answer}'; {log} ends with: {tail(log)}")
            time.sleep(0.1)


def _answer(port: int, method: str, path: str, body: str | None, headers: dict[str, str]) -> str:
    """The status, or what came instead of one."""
    with closing(HTTPConnection(HOST, port, timeout=10)) as connection:
        try:
            connection.request(method, path, body, headers)
            return str(connection.getresponse().status)
        except (HTTPException, OSError) as error:
            return str(error)
