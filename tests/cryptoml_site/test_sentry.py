"""Errors reach a Sentry where SENTRY_DSN names one, without anything of the caller; nobody else imports its library."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from django.core.exceptions import ImproperlyConfigured

from cryptoml_site.checked_env import CheckedEnv

KEY = f"deadbeef.{'k' * 43}"

FAIL = """
import io, logging, os, sys
from django.core.wsgi import get_wsgi_application
django = get_wsgi_application()
from unittest.mock import patch
import orjson
from cryptoml_site.lanes import SHORT_LANES
from predictions.short_lane import ShortLane

key = sys.argv[1]
body = orjson.dumps({"price": 1, "told": key})
sent = {
    "REQUEST_METHOD": "POST", "PATH_INFO": "/predict", "QUERY_STRING": "", "SCRIPT_NAME": "",
    "SERVER_NAME": "localhost", "SERVER_PORT": "80", "HTTP_HOST": "localhost", "SERVER_PROTOCOL": "HTTP/1.1",
    "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)), "REMOTE_ADDR": "203.0.113.9",
    "HTTP_X_API_KEY": key, "HTTP_COOKIE": "sessionid=biscuit",
    "HTTP_X_REQUEST_ID": "mine-1", "wsgi.input": io.BytesIO(body), "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr,
}
with patch("predictions.short_lane.sent_key", side_effect=RuntimeError("broke over " + key)):
    ShortLane(django, SHORT_LANES)(sent, lambda status, headers: print(status))
print("sentry_sdk" in sys.modules)
"""


@contextmanager
def receiver() -> Iterator[tuple[str, list[str]]]:
    """Its DSN, and the texts that it was sent."""
    received: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body).decode())
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://public@127.0.0.1:{server.server_port}/7", received
        server.shutdown()


def fail(**env):
    ran = subprocess.run(
        [sys.executable, "-c", FAIL, KEY], env=os.environ | env, capture_output=True, text=True, check=True, timeout=60
    )
    return ran.stdout.split("\n"), ran.stderr


def test_an_error_is_sent_with_its_request_id_and_nothing_of_the_caller():
    with receiver() as (dsn, received):
        said, stderr = fail(SENTRY_DSN=dsn)
    assert said[:2] == ["500 Internal Server Error", "True"]
    [event] = [json.loads(line) for text in received for line in text.splitlines() if '"exception"' in line]
    assert event["tags"]["request_id"] == "mine-1"
    assert (event["tags"]["route"], event["tags"]["status"]) == ("predict", "500")
    [raised] = [each for each in event["exception"]["values"] if each["type"] == "RuntimeError"]
    assert raised["value"].startswith("broke over [hidden]")
    everything = "".join(received) + stderr
    for secret in (KEY, "biscuit", "203.0.113.9", '"vars"', '"price"'):
        assert secret not in everything
    assert stderr.count('"event":"error","request_id":"mine-1"') == 1


def test_without_a_dsn_its_library_is_not_imported():
    said, stderr = fail(SENTRY_DSN="")
    assert said[1] == "False"
    assert KEY not in stderr


@pytest.mark.parametrize(
    "dsn", ["sentry", "https://host/7", "https://key@host/", "https://key@host/seven", "https://["]
)
def test_a_dsn_that_is_none_stops_the_start_without_being_told(dsn):
    with pytest.raises(ImproperlyConfigured) as refused:
        CheckedEnv({"SENTRY_DSN": dsn}).dsn("SENTRY_DSN")
    assert dsn not in str(refused.value)


def test_a_dsn_that_is_absent_is_none():
    assert CheckedEnv({}).dsn("SENTRY_DSN") == ""
