"""What the embedded servers have in common: prepared, run in the foreground, waited for."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import Signals
from typing import Protocol

import psutil

from cryptoml_site.embedded.errors import ServersUnavailable
from cryptoml_site.embedded.home import Home
from cryptoml_site.embedded.launch import environment

PATIENCE = 60.0  # seconds; a big database that is mended after a crash may need many of them

Say = Callable[[str], None]


class Server(Protocol):
    """One embedded server of one home."""

    @property
    def home(self) -> Home: ...

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def stop_signal(self) -> Signals: ...

    def prepare(self, say: Say) -> list[str]:
        """Make what it needs on disk; the command that runs it in the foreground."""

    def stop_left_over(self) -> None:
        """End what an earlier run left on our sockets, and wait for what is ending."""

    def accepts(self) -> bool:
        """Its own administrator can talk to it."""

    def furnish(self) -> None:
        """Make in it what the site expects; nothing where that is there."""

    def serves(self) -> bool:
        """The site can use it."""


def log_of(server: Server) -> Path:
    return server.home.logs / f"{server.name}.log"


@contextmanager
def running(server: Server, say: Say) -> Iterator[subprocess.Popen[bytes]]:
    """The server as a child of ours, ready for the site; stopped in order at the end."""
    command = server.prepare(say)
    with log_of(server).open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment())
    try:
        await_server(server, alive=lambda: process.poll() is None)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(server.stop_signal)
        process.wait()


def await_server(server: Server, *, alive: Callable[[], bool]) -> None:
    """Return when the site can use the server; refuse, with the end of its log, when it does not come up."""
    deadline = time.monotonic() + PATIENCE
    while not server.accepts():
        if not alive() or time.monotonic() > deadline:
            raise ServersUnavailable(f"{server.title} did not come up; its log ends with: {tail(log_of(server))}")
        time.sleep(0.03)
    server.furnish()


def end(process: psutil.Process, how: Signals) -> None:
    """Stop a process that is not our child, and wait until it is gone."""
    process.send_signal(how)
    try:
        process.wait(PATIENCE)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(PATIENCE)


def tail(log: Path, lines: int = 3) -> str:
    """The last lines of a log as one."""
    return " / ".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(empty)"
