"""Work in a process of its own: it has all cores, ends at its limits, and takes nothing with it."""

import os
import signal
import time
from functools import partial
from multiprocessing import current_process
from pathlib import Path
from threading import Thread

import joblib
import psutil
import pytest

from training.fitting.child import ChildDied, Limits, OverLimit, in_a_child

WIDE = Limits(minutes=5, megabytes=100_000)
MEGABYTE = 1_000_000


def unwatched():
    """Nobody looks on."""


def run(work, limits=WIDE, watch=unwatched):
    in_a_child(work, limits=limits, watch=watch)


def told(path, work):
    """What the work gave, in a child, by way of a file."""
    run(lambda: path.write_text(str(work())))
    return path.read_text()


def busy(path):
    path.write_text(str(os.getpid()))
    time.sleep(60)


def ended(path):
    """Whether the child that wrote its id there is gone."""
    return not psutil.pid_exists(int(path.read_text()))


def test_the_work_is_done_in_another_process(tmp_path):
    assert int(told(tmp_path / "pid", os.getpid)) != os.getpid()


def test_joblib_uses_all_cores_where_it_is_done(tmp_path):
    assert told(tmp_path / "cores", partial(joblib.effective_n_jobs, -1)) == str(joblib.cpu_count())
    assert told(tmp_path / "daemon", lambda: current_process().daemon) == "False"


def test_over_its_time_limit_it_is_ended(tmp_path):
    with pytest.raises(OverLimit, match=r"over its time limit of 0\.01 minutes"):
        run(partial(busy, tmp_path / "pid"), Limits(minutes=0.01, megabytes=100_000))
    assert ended(tmp_path / "pid")


def test_over_its_memory_limit_it_is_ended(tmp_path):
    limit = psutil.Process().memory_info().rss // MEGABYTE + 200  # it begins with what this process holds

    def grow():
        hoard = [b"x" * 50 * MEGABYTE for _ in range(100) if not time.sleep(0.05)]
        busy(tmp_path / str(len(hoard)))

    with pytest.raises(OverLimit, match=rf"over its memory limit of {limit:,} MB: it held [\d,]+"):
        run(grow, Limits(minutes=5, megabytes=limit))


def test_what_the_work_starts_counts_for_its_memory_and_ends_with_it(tmp_path):
    hoard = []

    def start_another():
        if not os.fork():
            (tmp_path / "pid").write_text(str(os.getpid()))
            hoard.append(b"x" * 500 * MEGABYTE)
        time.sleep(60)

    limit = psutil.Process().memory_info().rss // MEGABYTE + 300
    with pytest.raises(OverLimit, match="memory"):
        run(start_another, Limits(minutes=5, megabytes=limit))
    deadline = time.monotonic() + 5
    while not ended(tmp_path / "pid") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ended(tmp_path / "pid") or psutil.Process(int((tmp_path / "pid").read_text())).status() == "zombie"


def test_what_the_watch_raises_ends_it_and_is_raised(tmp_path):
    def watch():
        if (tmp_path / "pid").exists():
            raise KeyError("cancelled")

    with pytest.raises(KeyError, match="cancelled"):
        run(partial(busy, tmp_path / "pid"), watch=watch)
    assert ended(tmp_path / "pid")


@pytest.fixture
def handled():
    """As in a worker of Celery, which SIGTERM does not end."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    yield
    signal.signal(signal.SIGTERM, before)


def fall(how):
    if how == "raise":
        raise ZeroDivisionError
    os.kill(os.getpid(), how)
    time.sleep(60)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (signal.SIGKILL, "was killed: look whether the machine ran out of memory"),
        (signal.SIGTERM, "was ended by SIGTERM"),
        ("raise", "ended with an error"),
    ],
)
def test_a_child_that_dies_says_how(how, said, handled):
    with pytest.raises(ChildDied, match=said):
        run(partial(fall, how))


def test_a_thread_that_the_work_left_behind_does_not_hold_it_up():
    def leave_a_thread():
        Thread(target=time.sleep, args=[60]).start()

    started = time.monotonic()
    run(leave_a_thread)
    assert time.monotonic() - started < 10


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="Linux says so there")
def test_where_memory_runs_out_the_kernel_ends_it_first(tmp_path):
    assert told(tmp_path / "score", lambda: Path("/proc/self/oom_score_adj").read_text().strip()) == "1000"
