"""What the tests of the limiter share."""

import time

from predictions.limits import Limiter

NOWHERE = "unix:///nowhere/valkey.sock"
HAMMER = """
import sys, time
from predictions.limits import Limiter
url, key, limit, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
limiter = Limiter(url, live_processes=lambda: 4)
print("ready", flush=True)
sys.stdin.readline()
admitted, end = 0, time.monotonic() + seconds
while time.monotonic() < end:
    admitted += limiter.take(key, limit=limit).admitted
print(admitted)
"""


class Clock:
    """time.monotonic() that a test drives."""

    def __init__(self):
        self.seconds = 1_000.0

    def __call__(self):
        return self.seconds

    def advance(self, seconds):
        self.seconds += seconds


def two_alone(url, clock=time.monotonic):
    return Limiter(url, live_processes=lambda: 2, monotonic=clock)


def admitted(limiter, key, *, limit, tries):
    return sum(limiter.take(key, limit=limit).admitted for _ in range(tries))


def took(call):
    """Seconds of wall time."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def assert_as_one_bucket(total, limit, elapsed):
    bucket = limit + elapsed * limit / 60
    assert 0.90 * bucket <= total <= 1.05 * bucket
