"""HTTP servers on 127.0.0.1 that behave as receivers of alerts do: well, badly, slowly."""

import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What came, and what is answered: `answers` first, one each, then 200."""

    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    always: int = 200
    body: bytes = b"thanks"

    def ids(self):
        return [headers["X-CryptoML-Id"] for headers, _ in self.got]


@contextmanager
def receiving(receiver=None):
    receiver = receiver or Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers.get("Content-Length", 0))
            receiver.got.append((dict(self.headers), self.rfile.read(length)))
            status, headers = receiver.answers.pop(0) if receiver.answers else (receiver.always, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(receiver.body)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def talking(talk):
    """A bare socket: talk(connection) does what it likes with each connection; its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve():
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_quietly, args=(talk, connection, stop), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
    finally:
        stop.set()
        listener.close()


def _quietly(talk, connection, stop):
    try:
        with connection:
            talk(connection, stop)
    except OSError:
        pass


def hang(connection, stop):
    """Takes what comes and says nothing."""
    connection.recv(65_536)
    stop.wait(60)


def drip(connection, stop):
    """A byte of the head now and then, for ever."""
    connection.recv(65_536)
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10_000:
        connection.send(bytes([byte]))
        if stop.wait(0.1):
            return


def flood(connection, stop):
    """A body without end."""
    connection.recv(65_536)
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while not stop.is_set():
        connection.send(b"x" * 65_536)
        time.sleep(0.001)
