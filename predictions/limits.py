"""How many requests per minute a key may make: one token bucket per key in Valkey, shared by all processes.

A process leases tokens in small batches, so the usual answer needs no round trip. A lease may be spent for a second;
what is left of it then goes back with the next question, for a bucket that lost it would run dry under a client that
stays far below its limit. While Valkey is away each process keeps its share of the limit in a bucket of its own.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)
PREFIX = "cryptoml:limit:"
WINDOW_SECONDS = 60
LEASE_SECONDS = 1.0  # for how long leased tokens may be spent
LARGEST_LEASE = 1_000  # tokens
TIMEOUT_SECONDS = 0.1  # for a connection, and for an answer
RETRY_SECONDS = 1.0  # between two questions to a Valkey that is away
FORGET_SECONDS = 600.0

# Tokens refill by Valkey's clock. Whatever was not leased or came back counts only up to the limit as it is now, and a
# clock that was set back takes nothing away. Milliseconds are whole, so that no rounding adds up.
LEASE = """
local limit, wanted, unspent = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local per_ms = limit / 60000
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = limit
if held[1] then
  local refill = math.max(0, now - tonumber(held[2])) * per_ms
  tokens = math.min(limit, tonumber(held[1]) + refill + unspent)
end
local granted = math.min(wanted, math.floor(tokens))
tokens = tokens - granted
redis.call('HSET', KEYS[1], 'tokens', string.format('%.17g', tokens), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((limit - tokens) / per_ms))
return {granted, math.floor(tokens), math.ceil(math.max(0, 1 - tokens) / per_ms)}
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The answer to one request, and what the client is told of its bucket.

    limit: requests per minute. remaining: requests that would be admitted now, as far as this process knows.
    reset_seconds: until the bucket is full again. retry_after: seconds until a request is admitted; None: this one is.
    """

    limit: int
    remaining: int
    reset_seconds: float
    retry_after: float | None

    @property
    def admitted(self) -> bool:
        return self.retry_after is None

    def headers(self) -> dict[str, str]:
        """The RateLimit fields of draft-ietf-httpapi-ratelimit-headers-06, times in whole seconds, rounded up.

        Of a refusal RateLimit-Reset is the moment of Retry-After, as the draft asks: a client that heeds either waits
        no longer than it must.
        """
        fields = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(math.ceil(self.reset_seconds)),
            "RateLimit-Policy": f"{self.limit};w={WINDOW_SECONDS}",
        }
        if self.retry_after is not None:
            fields["Retry-After"] = fields["RateLimit-Reset"] = str(max(1, math.ceil(self.retry_after)))
        return fields


@dataclass(frozen=True, slots=True)
class Share:
    """What one process may admit while Valkey is away. capacity, start: tokens. rate: tokens per second."""

    capacity: float
    rate: float

    @classmethod
    def of(cls, limit: int, processes: int) -> "Share":
        """A capacity below one token would admit nothing for ever, so that is the least."""
        share = limit / processes
        return cls(capacity=max(1.0, share), rate=share / WINDOW_SECONDS)

    @property
    def start(self) -> float:
        return min(self.capacity, max(1.0, self.rate))


@dataclass(slots=True)
class LocalBucket:
    """A bucket of this process alone, whose share may change between two calls; full before the first.

    Times are seconds of one monotonic clock.
    """

    tokens: float = math.inf
    filled_at: float = 0.0

    def fill(self, share: Share, now: float) -> None:
        refill = max(0.0, now - self.filled_at) * share.rate
        self.tokens, self.filled_at = min(share.capacity, self.tokens + refill), now

    def take(self, limit: int, share: Share) -> Allowance:
        """One token of the bucket, which was just filled."""
        retry_after = None if self.tokens >= 1 else (1 - self.tokens) / share.rate
        if retry_after is None:
            self.tokens -= 1
        return Allowance(limit, math.floor(self.tokens), (share.capacity - self.tokens) / share.rate, retry_after)


class KeyState:
    """What this process holds of one key. Whoever reads or writes it holds its lock.

    Times are seconds of the limiter's monotonic clock.
    """

    __slots__ = ("_denied_until", "_expires_at", "_left", "_limit", "_local", "_outage", "_tokens", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._limit = 0  # of the lease and of the denial: none of them holds once a person has changed it
        self._tokens = 0  # leased and not spent
        self._left = 0  # in Valkey, after the lease
        self._expires_at = self._denied_until = -math.inf
        self._local = LocalBucket()
        self._outage = 0  # the last one that the local bucket knows of

    def answer(self, limit: int, now: float) -> Allowance | None:
        """By what is leased or was denied; None when Valkey has to be asked."""
        if limit != self._limit:
            return None
        if now < self._denied_until:
            return Allowance(limit, 0, float(WINDOW_SECONDS), self._denied_until - now)
        if self._tokens and now < self._expires_at:
            self._tokens -= 1
            remaining = self._tokens + self._left
            return Allowance(limit, remaining, (limit - remaining) * WINDOW_SECONDS / limit, None)
        return None

    def give_back(self) -> int:
        """The tokens that were leased and not spent: they are no longer ours."""
        unspent, self._tokens = self._tokens, 0
        return unspent

    def keep(self, limit: int, lease: list[int], asked_at: float) -> None:
        """A lease: tokens granted, tokens left in Valkey, milliseconds until the next one there.

        It counts from the question, so never ends later than Valkey said.
        """
        self._limit = limit
        self._tokens, self._left, wait_ms = lease
        self._expires_at = asked_at + LEASE_SECONDS
        self._denied_until = -math.inf if self._tokens else asked_at + wait_ms / 1000

    def take_locally(self, limit: int, share: Share, *, outage: int, now: float) -> Allowance:
        """Without Valkey. Each outage begins with at most one second's worth: Valkey admitted what was before it."""
        self._local.fill(share, now)
        if self._outage != outage:
            self._outage, self._local.tokens = outage, min(self._local.tokens, share.start)
        return self._local.take(limit, share)


class RecentKeys:
    """The state of each key that was lately seen, in two generations.

    A key that is seen moves to the young one; twice in FORGET_SECONDS the old one is dropped whole. So a key is
    forgotten after half to all of that time, and nothing ever walks over the keys.
    """

    def __init__(self) -> None:
        self._young: dict[str, KeyState] = {}
        self._old: dict[str, KeyState] = {}
        self._turned_at = -math.inf
        self._turning = threading.Lock()  # nobody waits for the network while holding it

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def __getitem__(self, key: str) -> KeyState:
        return self._young.get(key) or self._rejuvenate(key)

    def _rejuvenate(self, key: str) -> KeyState:
        with self._turning:
            state = self._young.get(key) or self._old.pop(key, None) or KeyState()
            self._young[key] = state
            return state

    def forget(self, now: float) -> None:
        """Drop the old generation when it is time. now: seconds of a monotonic clock."""
        if now - self._turned_at < FORGET_SECONDS / 2:
            return
        with self._turning:
            if now - self._turned_at >= FORGET_SECONDS / 2:
                self._old, self._young, self._turned_at = self._young, {}, now


class Limiter:
    """Admits or refuses the requests of this process; all its methods may be called by any thread.

    valkey_url: as redis-py reads it; nothing connects before the first `take`. live_processes: how many share the
    limits now, ourselves among them; asked at most once per question that Valkey did not answer, so it must be quick,
    and what it raises `take` raises. monotonic: seconds.
    """

    def __init__(
        self, valkey_url: str, *, live_processes: Callable[[], int], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        # The pool opens one connection per thread that asks at once. Without a retry and without redis-py's handshake a
        # Valkey that hangs costs one timeout, not several.
        valkey = Redis.from_url(
            valkey_url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
        )
        self._lease = valkey.register_script(LEASE)
        self._live_processes = live_processes
        self._monotonic = monotonic
        self._keys = RecentKeys()
        self._away = False
        self._outage = 0  # counts them
        self._processes = 1  # while away
        self._retry_at = -math.inf
        self._retrying = threading.Lock()  # held by the one thread that asks a Valkey that is away

    @property
    def away(self) -> bool:
        """Whether Valkey did not answer, or wrongly, when it was last asked; nothing asks while no request comes."""
        return self._away

    def take(self, key: str, *, limit: int) -> Allowance:
        """Admit one request of the key, or refuse it. limit: requests per minute.

        Raises ValueError for a limit below 1.
        """
        if limit < 1:
            raise ValueError(f"a limit is at least 1 request per minute, not {limit}")
        state = self._keys[key]
        with state.lock:
            now = self._monotonic()
            allowance = state.answer(limit, now)
            if allowance is None and not self._away:  # under the lock: the key's other threads wait for this lease
                allowance = self._take_from_valkey(key, state, limit, now)
        return allowance or self._take_while_away(key, state, limit)

    def _take_from_valkey(self, key: str, state: KeyState, limit: int, now: float) -> Allowance | None:
        """None when Valkey is found to be away. The caller holds the key's lock."""
        try:
            state.keep(limit, self._ask(key, limit, unspent=state.give_back()), now)
        except RedisError as error:
            self._lose(error)
            return None
        return state.answer(limit, now)

    def _take_while_away(self, key: str, state: KeyState, limit: int) -> Allowance:
        allowance = self._retry(key, state, limit)
        if allowance is None:
            share = Share.of(limit, self._processes)
            with state.lock:
                allowance = state.take_locally(limit, share, outage=self._outage, now=self._monotonic())
        return allowance

    def _retry(self, key: str, state: KeyState, limit: int) -> Allowance | None:
        """Ask Valkey again when it is time, holding nothing that another thread would wait for; None: still away."""
        if not self._retrying.acquire(blocking=False):
            return None
        try:
            now = self._monotonic()
            if now < self._retry_at:
                return None
            with state.lock:
                unspent = state.give_back()
            lease = self._ask(key, limit, unspent=unspent)
            with state.lock:
                state.keep(limit, lease, now)
                allowance = state.answer(limit, now)
            self._find()
            return allowance
        except RedisError as error:
            self._lose(error)
            return None
        finally:
            self._retrying.release()

    def _ask(self, key: str, limit: int, *, unspent: int) -> list[int]:
        """The script's answer: see `KeyState.keep`. Raises RedisError when there is none, or a wrong one."""
        self._keys.forget(self._monotonic())  # here, for beside a round trip it costs nothing
        wanted = min(max(1, limit // 50), LARGEST_LEASE)
        lease: list[int] = self._lease(keys=[PREFIX + key], args=[limit, wanted, unspent])
        return lease

    def _lose(self, error: RedisError) -> None:
        self._processes = max(1, self._live_processes())
        self._retry_at = self._monotonic() + RETRY_SECONDS
        if not self._away:
            logger.warning("Valkey is away, each process admits its share of the limits: %s", error)
            self._outage += 1
            self._away = True

    def _find(self) -> None:
        if self._away:
            logger.warning("Valkey is back, limits are shared again")
            self._away = False
