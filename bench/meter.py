"""What processes cost: CPU seconds and memory of whole trees, read from the kernel by psutil."""

from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Memory:
    """Of a server's processes together. RSS counts shared pages once a process, PSS once."""

    rss_mb: float
    pss_mb: float | None  # Linux knows it, macOS does not


def tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all below it, those that have ended included."""
    total = 0.0
    for process in tree(pid):
        with suppress(psutil.NoSuchProcess):  # it just ended: its parent has its time
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def memory(pid: int) -> Memory:
    rss, pss = 0, 0
    for process in tree(pid):
        with suppress(psutil.NoSuchProcess):
            full = process.memory_full_info()
            rss += full.rss
            pss += getattr(full, "pss", 0)
    return Memory(rss / 1e6, pss / 1e6 if pss else None)
