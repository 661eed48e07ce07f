"""HTTP to addresses that others chose: bounded in time and size, to public addresses alone, and led nowhere else.

The address that was checked is the one that is connected to: a name server that answers otherwise the next time changes
nothing. TLS and the Host header bear the name. No redirect is followed, no proxy of the environment is asked.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Thread

import httpcore

from cryptoml_site.errors import Refused
from monitoring.alerts.addresses import Target
from monitoring.alerts.outcome import LONGEST_ANSWER, LONGEST_ERROR, Outcome

CONNECT_SECONDS = 3.0  # for the name and the connection, each
TOTAL_SECONDS = 10.0  # for everything
MOST_READ = 65_536  # bytes of an answer
ALWAYS = {"User-Agent": "CryptoML", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}
SocketOptions = Iterable[tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]]
Resolve = Callable[[str, int], list[str]]


class TooSlow(httpcore.TimeoutException):
    """The time for everything has passed."""


@dataclass(frozen=True)
class Deadline:
    at: float  # of time.monotonic()

    @classmethod
    def in_seconds(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    def left(self, most: float | None = None) -> float:
        """Seconds. Raises TooSlow where there are none: each read is bounded by it, so no drip goes on for ever."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise TooSlow
        return left if most is None else min(left, most)


class BoundedStream(httpcore.NetworkStream):
    """A connection that ends with the deadline, whatever comes meanwhile."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return BoundedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class CheckedBackend(httpcore.NetworkBackend):
    """Connects to the very address that was checked."""

    def __init__(self, target: Target, deadline: Deadline, resolve: Resolve) -> None:
        self._target = target
        self._deadline = deadline
        self._resolve = resolve
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._resolve(host, port)
        for address in addresses:
            self._target.refuse_private(address)  # any: which of them is taken is not for who set the name to choose
        share = CONNECT_SECONDS / len(addresses)  # so that one which is not there leaves time for the next
        for address in addresses[:-1]:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._connected(address, port, share)
        return self._connected(addresses[-1], port, share)

    def _connected(self, address: str, port: int, seconds: float) -> httpcore.NetworkStream:
        stream = self._sockets.connect_tcp(address, port, self._deadline.left(seconds))
        return BoundedStream(stream, self._deadline)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: SocketOptions | None = None
    ) -> httpcore.NetworkStream:
        raise httpcore.ConnectError("no socket of this machine is asked")


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, within the seconds of a connection: the system's own look-up knows no limit.

    Raises httpcore.ConnectError or ConnectTimeout.
    """
    found: SimpleQueue[list[str] | OSError] = SimpleQueue()
    Thread(target=_look_up, args=(host, port, found), name=f"look up {host}", daemon=True).start()
    try:
        answer = found.get(timeout=CONNECT_SECONDS)
    except Empty:
        raise httpcore.ConnectTimeout("the name server does not answer") from None
    if isinstance(answer, OSError) or not answer:
        raise httpcore.ConnectError("there is no such host")
    return answer


def _look_up(host: str, port: int, found: SimpleQueue[list[str] | OSError]) -> None:
    try:
        told = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        found.put(error if isinstance(error, OSError) else OSError(str(error)))
        return
    found.put(list(dict.fromkeys(str(address[0]) for *_, address in told)))


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
    """One attempt. Whatever goes wrong is in what comes back; nothing is raised."""
    return _exchanged("POST", lambda: Target.parse(url), body, headers)


def ping(url: str) -> Outcome:
    """An address of the settings, which whoever runs the site chose: it may be a private one."""
    return _exchanged("GET", lambda: replace(Target.parse(url), trusted=True), None, {})


def _exchanged(method: str, target: Callable[[], Target], body: bytes | None, headers: Mapping[str, str]) -> Outcome:
    began = time.monotonic()
    try:
        status, answer = _asked(method, target(), body, headers)
    except Refused as refused:
        return Outcome(_milliseconds(began), str(refused)[:LONGEST_ERROR])
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, ssl.SSLError, OSError) as error:
        return Outcome(_milliseconds(began), _said(error)[:LONGEST_ERROR])
    text = answer.decode(errors="replace").replace("\x00", "�")[:LONGEST_ANSWER]
    return Outcome(_milliseconds(began), _wrong_with(status), status, text)


def _asked(method: str, target: Target, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
    target.refuse_what_is_private_by_name()
    deadline = Deadline.in_seconds(TOTAL_SECONDS)
    url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
    each = {"connect": CONNECT_SECONDS, "read": TOTAL_SECONDS, "write": TOTAL_SECONDS, "pool": CONNECT_SECONDS}
    sent = {"Host": target.host_header, **ALWAYS, **headers}
    with (
        httpcore.ConnectionPool(
            network_backend=CheckedBackend(target, deadline, resolve), max_connections=1, retries=0
        ) as pool,
        pool.stream(method, url, headers=list(sent.items()), content=body, extensions={"timeout": each}) as response,
    ):
        return response.status, _start_of(response)


def _start_of(response: httpcore.Response) -> bytes:
    read = b""
    for chunk in response.iter_stream():
        read += chunk
        if len(read) >= MOST_READ:
            break
    return read[:MOST_READ]


def _wrong_with(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return (
            f"the receiver answered {status}, which leads elsewhere: no redirect is followed, so set the final address"
        )
    return f"the receiver answered {status}"


def _said(error: Exception) -> str:
    """Without the address, which may be a secret."""
    match error:
        case TooSlow():
            return f"it took longer than {TOTAL_SECONDS:g} s"
        case httpcore.ConnectTimeout():
            return f"no connection within {CONNECT_SECONDS:g} s"
        case httpcore.TimeoutException():
            return f"no answer within {TOTAL_SECONDS:g} s"
        case httpcore.ConnectError():
            return f"the connection failed: {error}"
        case httpcore.ProtocolError():
            return "what answered speaks no HTTP, or ended too early"
    return f"the connection broke: {type(error).__name__}"


def _milliseconds(began: float) -> int:
    return round(1_000 * (time.monotonic() - began))
