"""Asking again: how long a question may take in all, and how long to pause before the next try."""

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
    """The provider is in trouble, or we ask too much: another try may help."""

    def __init__(self, sentence: str, *, code: str = "source_unavailable", after: float | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.after = after  # seconds that the provider asks us to wait


@dataclass
class Patience:
    """What is left of the time that one question may take; pauses and answers both use it up.

    seconds: at the start. monotonic: seconds.
    """

    seconds: float
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._until = self.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """Seconds; none are left below zero."""
        return self._until - self.monotonic()


def persist(ask: Callable[[], Answer], patience: Patience) -> Answer:
    """Ask until there is an answer. Raises Unavailable when the next pause would outlast the patience."""
    retrying = Retrying(
        retry=retry_if_exception_type(InTroubleError),
        wait=_pause,
        stop=lambda tried: tried.upcoming_sleep >= patience.left,
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
    trouble = tried.outcome.exception() if tried.outcome else None
    if isinstance(trouble, InTroubleError) and trouble.after is not None and trouble.after >= 1:
        return trouble.after + chance(tried)
    return backoff(tried)


def _advice(trouble: InTroubleError) -> str:
    return f"try again in {trouble.after:.0f} s" if trouble.after else "try again later"


def _counted(tries: int) -> str:
    return "one try" if tries == 1 else f"{tries} tries"
