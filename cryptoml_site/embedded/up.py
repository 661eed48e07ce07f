"""`up`: the servers, what must be in them before the door opens, the web; kept until it is told to stop."""

import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from types import FrameType
from typing import Protocol

from cryptoml_site.embedded.errors import ServersUnavailable, in_one_sentence
from cryptoml_site.embedded.folders import make_folders
from cryptoml_site.embedded.home import Home
from cryptoml_site.embedded.keeper import run_lock, users_lock
from cryptoml_site.embedded.lock import FileLock
from cryptoml_site.embedded.server import Say, Server, await_server
from cryptoml_site.embedded.supervision import (
    Program,
    Supervisor,
    end_left_over,
    refuse_without_supervisor,
    supervised,
)
from cryptoml_site.embedded.web import HOST, await_free_port, await_web, refuse_taken_port


class Prepared(Protocol):
    """The way in that the preparation made."""

    @property
    def admin_username(self) -> str: ...

    @property
    def admin_password(self) -> str: ...

    @property
    def api_key(self) -> str: ...


class Stop(BaseException):
    """SIGTERM, Ctrl-C or a closed terminal: leave everything in order."""


@dataclass(frozen=True)
class Up:
    """One run of `up`."""

    home: Home
    port: int
    servers: Sequence[Server]
    web: Program
    workers: Sequence[Program]
    prepare: Callable[[Say], Prepared]
    follow_up: Callable[[Say], None]
    say: Say
    announce: Callable[[str, Prepared], None]

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def run(self) -> None:
        """Return after an orderly stop; refuse what keeps it from coming up, and say so when its keeper is lost."""
        refuse_without_supervisor()
        with suppress(Stop), _stopped_by_signals(), self._alone(), ExitStack() as locks:
            self.home.up_json.unlink(missing_ok=True)
            end_left_over(self.home)
            refuse_taken_port(self.port)
            self.say(f"Starting CryptoML in {self.home.path} ...")
            make_folders(self.home)
            programs = [self._program(server, locks) for server in self.servers]
            try:
                with (
                    supervised(self.home, [*programs, self.web, *self.workers]) as supervisor,
                    _told_of_its_end(supervisor),
                ):
                    self._open_the_door(supervisor)
            finally:
                self._wait_for_orphans()

    def _open_the_door(self, supervisor: Supervisor) -> None:
        for server in self.servers:
            await_server(server, alive=supervisor.alive)
        prepared = self.prepare(self.say)
        supervisor.start(self.web.name)
        await_web(self.home, self.port, prepared.api_key, alive=supervisor.alive)
        for program in self.workers:  # after the web: on two cores their imports would make a newcomer wait
            supervisor.start(program.name)
        try:
            self._write_up_json(prepared)
            self.announce(self.base_url, prepared)
            Thread(target=self.follow_up, args=[self.say], name="follow-up", daemon=True).start()
            supervisor.wait()
            raise ServersUnavailable(_LOST)
        finally:
            self.home.up_json.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The only `up` of this home."""
        with in_one_sentence(self.home.path):
            lock = FileLock(self.home.locks / "up")
        if not lock.exclusive(wait=False):
            raise ServersUnavailable(f"CryptoML runs already: {lock.read()}")
        lock.write(f"{self.base_url}, pid {os.getpid()}.")
        yield
        lock.release()

    def _program(self, server: Server, locks: ExitStack) -> Program:
        """The server as a child of supervisord, once no keeper runs it."""
        run, users = run_lock(server), users_lock(server)
        if not run.exclusive_within(0.5):
            self.say(f"Waiting for a manage.py command that uses {server.title} to end ...")
            run.exclusive()
        users.shared()  # so that no command waits for the server to stop
        locks.callback(run.release)
        locks.callback(users.release)
        command = server.prepare(self.say)
        return Program(server.name, command, priority=10, stopsignal=server.stop_signal.name[3:], stopwaitsecs=60)

    def _wait_for_orphans(self) -> None:
        """Of a supervisord that was killed: they end by themselves on Linux, and are ended elsewhere."""
        for server in self.servers:
            server.stop_left_over()
        await_free_port(self.port)

    def _write_up_json(self, prepared: Prepared) -> None:
        """Whole, in one move, readable by its owner alone."""
        content = {
            "base_url": self.base_url,
            "live_url": None,
            "admin": {"username": prepared.admin_username, "password": prepared.admin_password},
            "api_key": prepared.api_key,
            "pid": os.getpid(),
        }
        draft = self.home.up_json.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(content))
        draft.rename(self.home.up_json)


_LOST = "supervisord, which keeps the servers, was ended from outside, so everything was stopped: run `make up` again."


@contextmanager
def _told_of_its_end(supervisor: Supervisor) -> Iterator[None]:
    """Whatever fails because supervisord is gone is told as that."""
    try:
        yield
    except Exception as failure:
        if supervisor.alive():
            raise
        raise ServersUnavailable(_LOST) from failure


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """The first signal raises Stop, those that follow while we leave are ignored."""
    signals = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # else: started under nohup
        signals.append(signal.SIGHUP)

    leaving = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal leaving
        if not leaving:
            leaving = True
            raise Stop

    before = [signal.signal(each, stop) for each in signals]
    try:
        yield
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)
