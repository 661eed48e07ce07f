"""One question to CoinGecko: at the common pace, again while it is in trouble, and never for longer than patience."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import orjson

from cryptoml_site.clock import now
from cryptoml_site.errors import Unavailable
from training.market_data.sources.coingecko.access import Access
from training.market_data.sources.coingecko.faults import fault
from training.market_data.sources.pace import TooLateError
from training.market_data.sources.persistence import InTroubleError, Patience, is_unreached, persist

TIMEOUT = 20.0  # seconds for a connection, and for each piece of an answer
SLOWEST = 60.0  # seconds that one whole answer may take
LARGEST = 16_000_000  # bytes of one answer; the list of all coins is the largest, with some 2 million


class Client:
    """Asks with one access. sleep, monotonic: in seconds."""

    def __init__(
        self,
        access: Access,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.access = access
        self._pace = access.pace(monotonic)
        self._sleep, self._monotonic = sleep, monotonic

    def get(self, path: str, *, patience: float, unreached: float, **params: str) -> Any:
        """The JSON of one answer. path: without a slash at its start. patience, unreached: seconds, as of a source.

        Raises Unavailable when patience ends before there is one, and what `fault` makes of a refusal.
        """
        left = Patience(patience, self._sleep, self._monotonic, unreached=unreached)
        return persist(lambda: self._ask(path, params, left), left)

    def _ask(self, path: str, params: dict[str, str], left: Patience) -> Any:
        self._await_turn(left)
        try:
            with self._stream(path, params, timeout=_timeout(left)) as response:
                body = self._read(response)
        except httpx.RequestError as error:
            reason = self.access.without_key(str(error)) or type(error).__name__
            unreached = isinstance(error, httpx.ConnectTimeout) or is_unreached(error)
            raise InTroubleError(f"CoinGecko cannot be reached ({reason})", unreached=unreached) from None
        if response.status_code != httpx.codes.OK:
            raise self._fault(response, body)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            raise InTroubleError("CoinGecko answered with something that is no JSON") from None

    def _stream(
        self, path: str, params: dict[str, str], *, timeout: httpx.Timeout
    ) -> AbstractContextManager[httpx.Response]:
        url, headers = f"{self.access.url}/{path}", self.access.headers
        return httpx.stream("GET", url, params=params, headers=headers, timeout=timeout)

    def _await_turn(self, left: Patience) -> None:
        try:
            seconds = self._pace.turn(most=max(0.0, left.left))
        except TooLateError as late:
            raise Unavailable(
                f"all {self.access.calls_per_minute} calls a minute to CoinGecko are taken and {late}: try again then, "
                "or raise COINGECKO_RATE_LIMIT where your plan allows more",
                code="rate_limited",
            ) from None
        if seconds:
            left.sleep(seconds)

    def _read(self, response: httpx.Response) -> bytes:
        """Raises Unavailable for an answer that is too large, or that trickles in without an end."""
        began, body = self._monotonic(), bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > LARGEST or self._monotonic() - began > SLOWEST:
                raise Unavailable(
                    f"CoinGecko's answer has more than {LARGEST:,} bytes, or takes more than {SLOWEST:.0f} s: is "
                    f"{self.access.url} CoinGecko?",
                    code="source_unavailable",
                )
        return bytes(body)

    def _fault(self, response: httpx.Response, body: bytes) -> Exception:
        found = fault(response, body, access=self.access, at=now())
        if isinstance(found, InTroubleError) and found.code == "rate_limited" and found.after:
            self._pace.hold(found.after)  # the other workers need not be told it one by one
        return found


def _timeout(left: Patience) -> httpx.Timeout:
    patience, to_reach = (min(TIMEOUT, max(1.0, seconds)) for seconds in (left.left, left.left_to_reach))
    return httpx.Timeout(patience, connect=to_reach)
