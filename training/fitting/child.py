"""Work in a process of its own, which can be ended at any moment and gives back all the memory that it took.

It is forked, in 10 ms, from a trainer that has imported what fits models; a new interpreter needs seconds for that. So
the trainer itself must never fit or ask a model: the arithmetic's threads do not outlive a fork, and the child would
wait for them. The child is no daemon, so joblib uses all cores in it, and on Linux it does not outlive its trainer.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast

import psutil
from django.db import connections

from cryptoml_site.errors import Refused

FORK = get_context("fork")
LOOK_SECONDS = 0.25  # between two looks at what the child holds
MEGABYTE = 1_000_000
_PR_SET_PDEATHSIG = 1
_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1)  # by a worker of Celery


class OverLimit(Refused):
    """The work took more time or memory than it was allowed."""

    code = "over_limit"


class ChildDied(Exception):
    """The child ended without a word: it was killed, or what it raised could not be recorded."""


@dataclass(frozen=True)
class Limits:
    minutes: float
    megabytes: int

    def __str__(self) -> str:
        return f"{self.minutes:g} minutes and {self.megabytes:,} MB at most"


def in_a_child(work: Callable[[], None], *, limits: Limits, watch: Callable[[], None]) -> None:
    """Do the work in a forked process and wait for it; on Linux it ends with the thread that waits.

    watch: called a few times a second; what it raises ends the child, and is raised. Raises OverLimit, and ChildDied
    where the child did not end as one that is done.
    """
    connections.close_all()  # or both processes would speak through one socket
    child = FORK.Process(target=_begin, args=(work, os.getpid()))
    child.start()
    pid = cast(int, child.pid)  # it has one, once it is started
    with suppress(ProcessLookupError):
        os.setpgid(pid, pid)  # a group of its own, so that whatever it starts ends with it
    try:
        _wait(child, limits, watch)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        child.join()
    if child.exitcode:
        raise ChildDied(_how_it_ended(child.exitcode))


def _wait(child: BaseProcess, limits: Limits, watch: Callable[[], None]) -> None:
    deadline = time.monotonic() + 60 * limits.minutes
    while not wait([child.sentinel], LOOK_SECONDS):
        watch()
        held = _megabytes(cast(int, child.pid))
        if held > limits.megabytes:
            raise OverLimit(f"ended: over its memory limit of {limits.megabytes:,} MB: it held {held:,}")
        if time.monotonic() > deadline:
            raise OverLimit(f"ended: over its time limit of {limits.minutes:g} minute{'s' * (limits.minutes != 1)}")


def _begin(work: Callable[[], None], parent: int) -> None:
    """In the child. What it inherited that is the trainer's own is put away first."""
    for handled in _HANDLED:
        signal.signal(handled, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        with suppress(OSError):  # where memory runs out, this is what the kernel ends, not the database
            Path("/proc/self/oom_score_adj").write_text("1000")
    if os.getppid() != parent:  # the trainer ended before the line above
        os._exit(1)
    work()
    sys.stderr.flush()
    os._exit(0)  # nothing that the work left behind can hold it up


def _megabytes(pid: int) -> int:
    """What the process and those that it started hold in memory, what they share with others too."""
    held = 0
    with suppress(psutil.NoSuchProcess):
        child = psutil.Process(pid)
        for process in (child, *child.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                held += process.memory_info().rss
    return held // MEGABYTE


def _how_it_ended(exitcode: int) -> str:
    if exitcode == -signal.SIGKILL:
        return "its process was killed: look whether the machine ran out of memory"
    if exitcode < 0:
        return f"its process was ended by {signal.Signals(-exitcode).name}: look at the trainer's log"
    return "its process ended with an error: look at the trainer's log"
