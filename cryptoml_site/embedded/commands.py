"""The servers of one management command: those of a running `up`, or a pair that lives while commands use it."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from subprocess import DEVNULL, PIPE, Popen

from django.conf import settings

from cryptoml_site.embedded.errors import ServersUnavailable, in_one_sentence
from cryptoml_site.embedded.home import SITE, Home
from cryptoml_site.embedded.keeper import KEPT, READY, REFUSED, run_lock, users_lock
from cryptoml_site.embedded.lock import FileLock
from cryptoml_site.embedded.postgres import Postgres
from cryptoml_site.embedded.server import PATIENCE, Say, Server, tail
from cryptoml_site.embedded.valkey import Valkey

_WITHOUT_SERVERS = {
    "doctor",  # has them up by itself, and tells where it cannot
    *("check", "collectstatic", "diffsettings", "findstatic", "help", "makemessages", "compilemessages", "spectacular"),
    *("startapp", "startproject", "up", "version", "--help", "-h", "--version"),
}


def embedded_servers() -> list[Server]:
    """Those that the settings name: none of which a URL in the environment names another."""
    home: Home = settings.EMBEDDED
    servers: list[Server] = []
    if settings.DATABASES["default"]["HOST"] == str(home.sockets):
        servers.append(Postgres(home))
    if home.redis_url == settings.REDIS_URL:
        servers.append(Valkey(home))
    return servers


def needs_servers(argv: Sequence[str]) -> bool:
    """Whether `manage.py ARGV` may want the database."""
    if "--database" in argv:
        return True
    return len(argv) > 1 and argv[1] not in _WITHOUT_SERVERS and not {"--help", "-h"} & set(argv)


@contextmanager
def using(servers: Sequence[Server], say: Say) -> Iterator[None]:
    """Have the servers up within; the last process that leaves them waits until they have stopped."""
    with ExitStack() as uses:
        for server in servers:
            uses.enter_context(_using(server, say))
        yield


@contextmanager
def _using(server: Server, say: Say) -> Iterator[None]:
    with in_one_sentence(server.home.path):
        users, run = users_lock(server), run_lock(server)
    users.shared()  # waits only while a keeper is about to end
    try:
        _have_up(server, run, say)
        yield
    finally:
        users.release()
        _wait_for_a_keeper_that_ends(users, run)


def _have_up(server: Server, run: FileLock, say: Say) -> None:
    """Return when somebody runs the server and it serves; start a keeper where nobody does."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if run.free():
            if _start_keeper(server, say):
                return
        elif server.serves():
            return
        time.sleep(0.03)
    raise ServersUnavailable(f"{server.title} is being started by another process, which takes too long.")


def _start_keeper(server: Server, say: Say) -> bool:
    """True once the keeper's server serves; False when another process was quicker to run it."""
    command = [sys.executable, "-m", "cryptoml_site.embedded.keeper", server.name, str(server.home.path)]
    log = server.home.logs / f"{server.name}-keeper.log"
    with in_one_sentence(server.home.path):
        log.parent.mkdir(mode=0o700, exist_ok=True)
        errors = log.open("wb")
    with errors, Popen(command, cwd=SITE, stdin=DEVNULL, stdout=PIPE, stderr=errors, text=True) as keeper:
        for line in map(str.rstrip, keeper.stdout or ()):
            if line in {READY, KEPT}:
                return line == READY
            if line.startswith(REFUSED):
                raise ServersUnavailable(line.removeprefix(REFUSED))
            say(line)
    raise ServersUnavailable(f"{server.title} was not started: {tail(log)}")


def _wait_for_a_keeper_that_ends(users: FileLock, run: FileLock) -> None:
    """Nothing is left running when the last command has ended; while others use the server, nothing to wait for."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not run.free():
        if not users.exclusive(wait=False) and users.free():
            return
        users.release()
        time.sleep(0.01)
