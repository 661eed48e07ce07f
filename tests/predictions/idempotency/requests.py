"""Requests with an `Idempotency-Key`, and what may happen to them."""

import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Barrier

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.client import RequestFactory

from cryptoml_site.lanes import SHORT_LANES
from predictions.short_lane import ShortLane
from training.features.classic import EXAMPLE

BODY = orjson.dumps(EXAMPLE)
OTHER = orjson.dumps(EXAMPLE | {"price": 46_000})
BATCH = orjson.dumps({"rows": [EXAMPLE, EXAMPLE]})
LANES = ["short", "drf"]
with_commits = pytest.mark.django_db(transaction=True)


class Told:
    def __init__(self, status, headers, content):
        self.status, self.headers, self.content = status, headers, content

    @property
    def id(self):
        return orjson.loads(self.content)["id"]

    @property
    def replayed(self):
        return self.headers.get("Idempotency-Replayed")

    @property
    def refusal(self):
        [error] = orjson.loads(self.content)["errors"]
        return self.status, error["code"], error["attr"]


def in_the_short_lane(body, path, **sent):
    def no_django(environ, start_response):
        pytest.fail("the short lane passed the request on to Django")

    began = []
    environ = RequestFactory(HTTP_HOST="localhost").post(path, body, content_type="application/json", **sent).environ
    environ["wsgi.input"] = BytesIO(body)
    answering = ShortLane(no_django, SHORT_LANES)
    content = b"".join(answering(environ, lambda status, headers: began.extend((status, dict(headers)))))
    return Told(int(began[0].split()[0]), began[1], content)


def in_drfs_lane(body, path, **sent):
    response = Client().post(path, body, content_type="application/json", **sent)
    return Told(response.status_code, dict(response.headers), response.content)


def in_threads(*jobs):
    """What they gave. All begin at once, and each closes its connection."""
    start = Barrier(len(jobs))

    def run(job):
        start.wait(30)
        try:
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(run, jobs))


def kill(beside):
    """End the backend of Django's connection, as the fall of Postgres does."""
    pid = connection.connection.info.backend_pid
    beside.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def again_until_it_is_settled(ask):
    """As a client does that heeds the 409."""
    deadline = time.monotonic() + 10
    while (told := ask()).status == 409 and time.monotonic() < deadline:
        time.sleep(0.02)
    return told
