"""How fast a provider is asked: so many calls in any minute, of all processes of all hosts together.

A call reserves its turn in Valkey and sleeps until then, so whoever asks first goes first, and nobody asks twice. The
turns of the last minute are all kept (a provider counts in dozens), so that a few calls after a pause need not wait
and yet no minute, wherever it begins, ever holds more than the limit. While Valkey is away each process keeps the
same limit by itself.
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import cache

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)
PREFIX = "cryptoml:pace:"
WINDOW_SECONDS = 60.5  # a minute, and the time by which a call may be later than its turn
TIMEOUT_SECONDS = 1.0  # for a connection, and for an answer
LONGEST_HOLD = 3_600.0  # seconds

# By Valkey's clock. No turn precedes another that was given before; one that lies further ahead than anybody waits is
# of a clock that was set back. Of a turn that would come too late nothing is kept.
TURN = """
local limit, window, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = tonumber(redis.call('LINDEX', KEYS[1], -1) or 0)
if last > now + 3600000 then
  redis.call('DEL', KEYS[1])
  last = 0
end
local oldest = tonumber(redis.call('LINDEX', KEYS[1], -limit) or 0)
local turn = math.max(now + math.max(0, redis.call('PTTL', KEYS[2])), last, oldest > 0 and oldest + window or 0)
if turn - now > most then
  return {0, turn - now}
end
redis.call('RPUSH', KEYS[1], string.format('%.0f', turn))
redis.call('LTRIM', KEYS[1], -limit, -1)
redis.call('PEXPIRE', KEYS[1], turn - now + window)
return {1, turn - now}
"""


class TooLateError(Exception):
    """The next turn comes later than the caller would wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the next turn comes in {seconds:.0f} s")
        self.seconds = seconds


class LocalTurns:
    """The same for the threads of one process. Times are seconds of one monotonic clock."""

    def __init__(self, limit: int, *, window: float, monotonic: Callable[[], float]) -> None:
        self._given: deque[float] = deque(maxlen=limit)
        self._window = window
        self._held_until = -math.inf
        self._monotonic = monotonic
        self._lock = threading.Lock()

    def turn(self, *, most: float) -> float:
        with self._lock:
            now = self._monotonic()
            last = self._given[-1] if self._given else now
            oldest = self._given[0] + self._window if len(self._given) == self._given.maxlen else now
            turn = max(now, self._held_until, last, oldest)
            if turn - now > most:
                raise TooLateError(turn - now)
            self._given.append(turn)
            return turn - now

    def hold(self, seconds: float) -> None:
        with self._lock:
            self._held_until = max(self._held_until, self._monotonic() + seconds)


class Pace:
    """Gives turns to the calls of this process; all its methods may be called by any thread.

    name: of what is limited. limit: calls in a window. valkey_url: as redis-py reads it. window, monotonic: seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        limit: int,
        valkey_url: str,
        window: float = WINDOW_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._valkey = Redis.from_url(
            valkey_url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
        )
        self._script = self._valkey.register_script(TURN)
        self._turns, self._hold = f"{PREFIX}{name}:turns", f"{PREFIX}{name}:hold"
        self._limit, self._window = limit, window
        self._local = LocalTurns(limit, window=window, monotonic=monotonic)
        self._away = False

    def turn(self, *, most: float) -> float:
        """Reserve the next turn: seconds until it comes. Raises TooLateError, and reserves none, beyond `most`."""
        try:
            reserved, wait = self._script(
                keys=[self._turns, self._hold], args=[self._limit, round(self._window * 1_000), round(most * 1_000)]
            )
        except RedisError as error:
            self._lose(error)
            return self._local.turn(most=most)
        self._away = False
        if not reserved:
            raise TooLateError(wait / 1_000)
        return float(wait) / 1_000

    def hold(self, seconds: float) -> None:
        """No turn for anybody for so long: the provider asked for it. A longer hold that stands is not cut short."""
        seconds = min(seconds, LONGEST_HOLD)
        self._local.hold(seconds)
        try:
            pipeline = self._valkey.pipeline()
            pipeline.set(self._hold, "1", px=round(seconds * 1_000) + 1, nx=True)
            pipeline.pexpire(self._hold, round(seconds * 1_000) + 1, gt=True)
            pipeline.execute()
        except RedisError as error:
            self._lose(error)

    def _lose(self, error: RedisError) -> None:
        if not self._away:
            logger.warning("Valkey is away, this process keeps the pace of its calls by itself: %s", error)
        self._away = True


@cache
def pace_of(name: str, *, limit: int, valkey_url: str, monotonic: Callable[[], float]) -> Pace:
    """The one of this process by that name: its threads share what it keeps while Valkey is away."""
    return Pace(name, limit=limit, valkey_url=valkey_url, monotonic=monotonic)
