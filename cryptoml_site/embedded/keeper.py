"""Run one embedded server for as long as any process uses it: `python -m cryptoml_site.embedded.keeper NAME HOME`.

The users' shared lock counts them, so that a killed one is not waited for. Answers on stdout, a line each: things to
tell the user, then READY, KEPT (another process runs this server) or REFUSED with the reason.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from cryptoml_site.embedded.errors import ServersUnavailable
from cryptoml_site.embedded.home import Home
from cryptoml_site.embedded.lock import FileLock
from cryptoml_site.embedded.postgres import Postgres
from cryptoml_site.embedded.server import Server, running
from cryptoml_site.embedded.valkey import Valkey

READY, KEPT, REFUSED = "ready", "kept", "refused "

SERVERS: dict[str, type[Postgres] | type[Valkey]] = {"postgres": Postgres, "valkey": Valkey}


def run_lock(server: Server) -> FileLock:
    """Held by the one process that runs the server: a keeper, or `up`."""
    return FileLock(server.home.locks / f"{server.name}.run")


def users_lock(server: Server) -> FileLock:
    """Shared by the commands that use the server; a keeper that gets it alone stops the server."""
    return FileLock(server.home.locks / f"{server.name}.users")


def keep(server: Server) -> None:
    if not run_lock(server).exclusive(wait=False):
        tell(KEPT)
        return
    try:
        with running(server, tell) as process:
            tell(READY)
            wait_until_unused(server, process)
    except ServersUnavailable as refusal:
        tell(f"{REFUSED}{refusal}")


def wait_until_unused(server: Server, process: subprocess.Popen[bytes]) -> None:
    """Return when nobody uses it, or when it is gone; nobody may begin to use it after that."""
    users = users_lock(server)
    while process.poll() is None and not users.exclusive(wait=False):
        time.sleep(0.03)


def tell(line: str) -> None:
    sys.stdout.write(line.replace("\n", " ") + "\n")
    sys.stdout.flush()


def leave_the_command() -> None:
    """Go on in a session of our own: neither Ctrl-C nor the end of the command that started us is ours."""
    if os.fork():
        os._exit(0)
    os.setsid()


if __name__ == "__main__":
    leave_the_command()
    keep(SERVERS[sys.argv[1]](Home(Path(sys.argv[2]))))
