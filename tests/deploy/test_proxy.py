"""The proxy of docker-compose.yml, by the real nginx."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest
from django.db import connection

from tests.deploy.conftest import free_port, stopped_at_the_end, wait_for_port

THREADS = 2  # of the web process
ANNOUNCED = (
    b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
)


@pytest.fixture
def web(transactional_db, settings):
    """The port of a real web process with two threads, as deploy/docker/entrypoint starts it."""
    facts = connection.settings_dict
    host = quote(str(facts["HOST"]), safe="")
    port = free_port()
    env = {
        **os.environ,
        "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
        "DATABASE_URL": f"postgres://{facts['USER']}@:{facts['PORT'] or 5432}/{host}/{facts['NAME']}",
        "CRYPTOML_HOME": str(settings.CRYPTOML_HOME),
        "PORT": str(port),
        "WEB_WORKERS": "1",
        "WEB_THREADS": str(THREADS),
        "ALLOWED_HOSTS": "forecasts.example.com,localhost",
    }
    with stopped_at_the_end(subprocess.Popen(["deploy/docker/entrypoint", "web"], env=env)) as process:
        wait_for_port(port, process)
        yield port


def ask(port, path="/health/live", method="GET", *, timeout=5.0, body=None, headers=None):
    with closing(HTTPConnection("127.0.0.1", port, timeout=timeout)) as asking:
        asking.request(method, path, body, {"Host": "localhost", **(headers or {})})
        answer = asking.getresponse()
        return answer.status, answer.read()


def hold(port, exits, *, connections):
    """Bodies that are announced and do not come."""
    for _ in range(connections):
        held = exits.enter_context(socket.create_connection(("127.0.0.1", port)))
        held.sendall(ANNOUNCED)
    time.sleep(0.5)


def test_a_body_that_never_comes_holds_no_thread_of_the_web(nginx, web):
    published, _ = nginx(web=web)
    assert ask(published, timeout=60)[0] == 200
    with ExitStack() as exits:
        hold(published, exits, connections=20 * THREADS)
        began = time.monotonic()
        assert [ask(published)[0] for _ in range(5)] == [200] * 5
        assert time.monotonic() - began < 3.0


def test_the_images_health_check_finds_it_well(web):
    command = [sys.executable, "-I", "deploy/docker/healthcheck.py", "web"]
    ours = {"PORT": str(web), "ALLOWED_HOSTS": "forecasts.example.com"}
    assert subprocess.run(command, env={**os.environ, **ours}).returncode == 0


def test_without_the_proxy_it_would(web):
    """Why there is one: should the server get a deadline for bodies, this fails, and the proxy may be another."""
    assert ask(web, timeout=60)[0] == 200
    with ExitStack() as exits:
        hold(web, exits, connections=20 * THREADS)
        with pytest.raises(TimeoutError):
            ask(web, timeout=3)


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers that reached it."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *args):
        pass


@pytest.fixture
def echo():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


CLAIMS = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}


def test_what_a_client_says_of_itself_is_replaced(nginx, echo):
    published, _ = nginx(web=echo)
    told = json.loads(ask(published, method="POST", headers=CLAIMS)[1])
    assert (told["x-forwarded-for"], told["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert "x-forwarded-host" not in told
    assert told["host"] == "localhost"


def test_what_ends_tls_before_it_is_believed(nginx, echo):
    _, trusting = nginx(web=echo)
    told = json.loads(ask(trusting, method="POST", headers={**CLAIMS, "X-Forwarded-For": "1.2.3.4, 203.0.113.9"})[1])
    assert (told["x-forwarded-for"], told["x-forwarded-proto"]) == ("203.0.113.9", "https")


def test_a_body_over_the_limit_is_refused_in_our_own_shape(nginx, echo):
    published, _ = nginx(web=echo)
    assert ask(published, method="POST", body=b"x" * 16_500_000)[0] == 200
    asking = socket.create_connection(("127.0.0.1", published), timeout=5)
    asking.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18000000\r\n\r\n")
    with asking:
        answer = asking.recv(10_000).decode()
    assert answer.startswith("HTTP/1.1 413")
    assert json.loads(answer.partition("\r\n\r\n")[2])["errors"][0]["code"] == "body_too_large"


def test_an_absent_web_is_said_in_our_own_shape(nginx):
    published, _ = nginx(web=free_port())
    status, body = ask(published)
    assert (status, json.loads(body)["errors"][0]["code"]) == (502, "web_unavailable")


def test_a_silent_client_is_let_go_after_ten_seconds(nginx, echo):
    published, _ = nginx(web=echo)
    with socket.create_connection(("127.0.0.1", published), timeout=20) as asking:
        asking.sendall(ANNOUNCED)
        began = time.monotonic()
        answer = asking.recv(1_000)
        assert (answer[:12] in (b"", b"HTTP/1.1 408"), 9 < time.monotonic() - began < 13) == (True, True)
