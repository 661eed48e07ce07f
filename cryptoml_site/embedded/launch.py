"""Become another program that ends when its parent ends, on Linux whatever ended the parent.

Run as a script by the bare interpreter, so it imports nothing of the site:
`python -I -S launch.py [--user NAME] [--signal INT] -- PROGRAM ARGUMENT...`
"""

import argparse
import ctypes
import multiprocessing
import os
import pwd
import signal
import sys

PARENT = "CRYPTOML_PARENT"  # environment: pid that the launched program must have as its parent
_PR_SET_PDEATHSIG = 1


def launched(argv: list[str], *, user: str | None = None, on_orphaned: signal.Signals = signal.SIGTERM) -> list[str]:
    """The command that runs `argv` as `user` and sends it `on_orphaned` when its parent ends."""
    drop = ["--user", user] if user else []
    return [sys.executable, "-I", "-S", __file__, *drop, "--signal", on_orphaned.name, "--", *argv]


def environment(**more: str) -> dict[str, str]:
    """Our environment for a child that is to be launched by this very process."""
    return {**os.environ, **more, PARENT: str(os.getpid())}


def die_with_parent() -> None:
    """End this worker at once when the server that forked it ends; nothing happens outside a forked worker.

    A granian worker would go on answering on the port that it shares with its parent's replacement.
    """
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        _die_with(parent.pid, signal.SIGKILL)


def _die_with(parent: int, on_orphaned: signal.Signals) -> None:
    """Ask the kernel for a signal at the parent's end; where that came before the asking, end now."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(on_orphaned), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _become(user: str) -> None:
    account = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.chdir("/")  # where we came from may be closed to this user


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--user")
    parser.add_argument("--signal", type=signal.Signals.__getitem__, default=signal.SIGTERM)
    parser.add_argument("argv", nargs="+")
    asked = parser.parse_args()
    if asked.user:
        _become(asked.user)  # first: a change of user clears the wish for the signal
    _die_with(int(os.environ.get(PARENT, os.getppid())), asked.signal)
    os.environ[PARENT] = str(os.getpid())
    # No shell: what was asked for becomes this very process.
    os.execvp(asked.argv[0], asked.argv)  # noqa: S606  # nosec B606


if __name__ == "__main__":
    main()
