"""Asking again: how long a question may take in all, and how long to pause before the next try."""

import errno
import math
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type
from tenacity.wait import wait_exponential_jitter, wait_random

from cryptoml_site.errors import Unavailable

Answer = TypeVar("Answer")
LONGEST_PAUSE = 60.0  # seconds, unless the provider itself asks for more
backoff = wait_exponential_jitter(max=LONGEST_PAUSE, jitter=1.0)  # 1 s, 2 s, 4 s ... and up to a second of chance
chance = wait_random(0, 1)


class InTroubleError(Exception):
    """The provider is in trouble, or we ask too much: another try may help.

    after: seconds that the provider asks us to wait. unreached: nothing was heard from it, or from any network.
    """

    def __init__(
        self,
        sentence: str,
        *,
        code: str = "source_unavailable",
        after: float | None = None,
        unreached: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.after = after
        self.unreached = unreached


@dataclass
class Patience:
    """What is left of the time that one question may take; pauses and answers both use it up.

    seconds: at the start. unreached: those of them for a provider that cannot be reached at all. monotonic: seconds.
    """

    seconds: float
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    unreached: float = math.inf

    def __post_init__(self) -> None:
        began = self.monotonic()
        self._until, self._reached_until = began + self.seconds, began + min(self.seconds, self.unreached)

    @property
    def left(self) -> float:
        """Seconds; none are left below zero."""
        return self._until - self.monotonic()

    @property
    def left_to_reach(self) -> float:
        """Seconds in which the provider is to be heard from."""
        return self._reached_until - self.monotonic()

    def outlasts(self, pause: float, trouble: InTroubleError | None) -> bool:
        return pause < (self.left_to_reach if trouble and trouble.unreached else self.left)


def is_unreached(error: BaseException | None) -> bool:
    """Whether the name of the host does not resolve, or nothing listens there, by what the error was raised from."""
    while error is not None:
        if isinstance(error, socket.gaierror | ConnectionRefusedError):
            return True
        if isinstance(error, OSError) and error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
            return True
        error = error.__cause__ or error.__context__
    return False


def persist(ask: Callable[[], Answer], patience: Patience) -> Answer:
    """Ask until there is an answer. Raises Unavailable when the next pause would outlast the patience."""
    retrying = Retrying(
        retry=retry_if_exception_type(InTroubleError),
        wait=_pause,
        stop=lambda tried: not patience.outlasts(tried.upcoming_sleep, _trouble(tried)),
        sleep=patience.sleep,
        reraise=True,
    )
    try:
        return retrying(ask)
    except InTroubleError as trouble:
        tries = retrying.statistics["attempt_number"]
        raise Unavailable(
            f"{trouble}; given up after {_counted(tries)}: {_advice(trouble)}", code=trouble.code
        ) from None


def _pause(tried: RetryCallState) -> float:
    """As long as the provider asks, where it does, and a chance more, so that no two workers come back at once."""
    trouble = _trouble(tried)
    if trouble and trouble.after is not None and trouble.after >= 1:
        return trouble.after + chance(tried)
    return backoff(tried)


def _trouble(tried: RetryCallState) -> InTroubleError | None:
    found = tried.outcome.exception() if tried.outcome else None
    return found if isinstance(found, InTroubleError) else None


def _advice(trouble: InTroubleError) -> str:
    if trouble.unreached:
        return "look at the network, then try again"
    return "try again later" if trouble.after is None or trouble.after < 1 else f"try again in {trouble.after:.0f} s"


def _counted(tries: int) -> str:
    return "one try" if tries == 1 else f"{tries} tries"
