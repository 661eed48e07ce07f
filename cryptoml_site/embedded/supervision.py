"""supervisord, which runs the children of `up` and starts again what dies."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from signal import SIGTERM
from typing import Any
from xmlrpc.client import Fault, ServerProxy  # nosec B411

import psutil

from cryptoml_site.embedded.errors import ServersUnavailable, in_one_sentence
from cryptoml_site.embedded.home import SITE, Home
from cryptoml_site.embedded.launch import environment, launched
from cryptoml_site.embedded.server import end, tail

_LONGEST_STOP = 90.0  # seconds, over the sum of what the programs below may take

# Read with home as working directory. What may hold a space, a per cent sign or a comment mark comes through the
# environment, where none of them counts.
_HEAD = """\
[supervisord]
nodaemon = true
silent = true
{user}logfile = logs/supervisord.log
logfile_maxbytes = 1MB
logfile_backups = 1
pidfile = supervisord.pid

[unix_http_server]
file = %(ENV_CRYPTOML_SUPERVISORD_SOCKET)s
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

_PROGRAM = """
[program:{name}]
command = %(ENV_CRYPTOML_COMMAND_{NAME})s
directory = %(ENV_CRYPTOML_SITE)s
priority = {priority}
autostart = {autostart}
autorestart = true
startsecs = 1
startretries = 1000000
stopsignal = {stopsignal}
stopwaitsecs = {stopwaitsecs}
killasgroup = true
redirect_stderr = true
stdout_logfile = logs/{name}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 1
"""


@dataclass(frozen=True)
class Program:
    """A child of supervisord; those of lower priority start first and stop last."""

    name: str
    command: Sequence[str]
    priority: int
    autostart: bool = True
    stopsignal: str = "TERM"
    stopwaitsecs: int = 20

    def section(self) -> str:
        return _PROGRAM.format(**vars(self) | {"NAME": self.name.upper(), "autostart": str(self.autostart).lower()})


class Supervisor:
    """A running supervisord of ours."""

    def __init__(self, home: Home, process: subprocess.Popen[bytes]) -> None:
        self.home = home
        self.process = process

    def alive(self) -> bool:
        return self.process.poll() is None

    def start(self, name: str) -> None:
        self._rpc().startProcess(name, False)

    def wait(self) -> None:
        self.process.wait()

    def stop(self) -> None:
        """Everything, in order; what does not listen is killed."""
        self.process.send_signal(SIGTERM)
        try:
            self.process.wait(_LONGEST_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def await_up(self) -> None:
        while True:
            with suppress(OSError, Fault):
                self._rpc().getState()
                return
            if not self.alive():
                log = self.home.logs / "supervisord.log"
                raise ServersUnavailable(f"supervisord did not come up; its log ends with: {tail(log)}")
            time.sleep(0.03)

    def _rpc(self) -> Any:
        transport = import_module("supervisor.xmlrpc").SupervisorTransport
        url = f"unix://{self.home.supervisord_socket}"
        return ServerProxy("http://127.0.0.1", transport=transport(None, None, url)).supervisor


@contextmanager
def supervised(home: Home, programs: Sequence[Program]) -> Iterator[Supervisor]:
    """supervisord with these programs; they all stop at the end, and on Linux also when we are killed."""
    with in_one_sentence(home.path):
        _write_configuration(home, programs)
    command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(home.supervisord_conf)]
    process = subprocess.Popen(
        launched(command),
        env=environment(**_told(home, programs)),
        cwd=home.path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for `up`, which stops it in order
    )
    supervisor = Supervisor(home, process)
    try:
        supervisor.await_up()
        yield supervisor
    finally:
        supervisor.stop()


def refuse_without_supervisor() -> None:
    if find_spec("supervisor") is None:
        raise ServersUnavailable("`up` needs supervisor, which is not installed: install requirements-dev.txt.")


def end_left_over(home: Home) -> None:
    """Stop the supervisord of an `up` that was killed, and wait for one that is ending."""
    with suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess):
        process = psutil.Process(int(home.supervisord_pid.read_text()))
        if str(home.supervisord_conf) in process.cmdline():  # else: its number was used again
            end(process, SIGTERM)


def _write_configuration(home: Home, programs: Sequence[Program]) -> None:
    user = "user = root\n" if os.getuid() == 0 else ""  # said, or supervisord warns
    home.supervisord_conf.write_text(_HEAD.format(user=user) + "".join(program.section() for program in programs))


def _told(home: Home, programs: Sequence[Program]) -> dict[str, str]:
    commands = {f"CRYPTOML_COMMAND_{program.name.upper()}": shlex.join(program.command) for program in programs}
    return commands | {
        "CRYPTOML_HOME": str(home.path),
        "CRYPTOML_SITE": str(SITE),
        "CRYPTOML_SUPERVISORD_SOCKET": str(home.supervisord_socket),
    }
