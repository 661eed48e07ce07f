"""One line of each request, but of a flood: there so many a second as cost next to nothing, and how many are not told.

Errors of ours are always told. Each class of status has a share of its own, so that no flood of answers hides refusals.
"""

from __future__ import annotations

import logging
from threading import Lock
from time import monotonic

from django.conf import settings

from registry.told import tell

requests = logging.getLogger("cryptoml.requests")
FAILED = 500


class Share:
    """So many lines of each second."""

    def __init__(self, a_second: int) -> None:
        self.a_second = a_second
        self._ends, self._left, self._suppressed = 0.0, 0, 0
        self._lock = Lock()

    def take(self) -> int | None:
        """How many were suppressed since the last line; None where this one is to be."""
        moment = monotonic()
        with self._lock:
            if moment >= self._ends:
                self._ends, self._left = moment + 1.0, self.a_second
            if not self._left:
                self._suppressed += 1
                return None
            self._left -= 1
            suppressed, self._suppressed = self._suppressed, 0
            return suppressed


class RequestLines:
    """Of this process."""

    def __init__(self, a_second: int) -> None:
        self._shares = {status_class: Share(a_second) for status_class in (1, 2, 3, 4)}

    def tell(
        self,
        *,
        request_id: str,
        key: str,
        method: str,
        route: str,
        status: int,
        code: str,
        model: str,
        version: int | None,
        seconds: float,
    ) -> None:
        """key: the prefix of the one that was sent, once it is known to be one. route: a pattern, never the address."""
        suppressed = self._shares[status // 100].take() if status < FAILED else 0
        if suppressed is None:
            return
        tell(
            requests,
            "request",
            logging.ERROR if status >= FAILED else logging.INFO,
            request_id=request_id,
            key=key,
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1_000, 3),
            code=code,
            model=model,
            version=version,
            suppressed=suppressed or None,
        )


request_lines = RequestLines(settings.LOG_REQUESTS)
