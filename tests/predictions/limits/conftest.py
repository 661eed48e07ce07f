"""A clock, and Valkeys that answer, that stop, or that hang."""

import os
import shutil
import socket
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis

from cryptoml_site.embedded.home import Home
from cryptoml_site.embedded.server import running
from cryptoml_site.embedded.valkey import Valkey
from predictions.limits import Limiter
from tests.predictions.limits.limiting import Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def url(servers, settings):
    """The Valkey of this run."""
    return settings.REDIS_URL


@pytest.fixture
def key():
    return uuid4().hex


@pytest.fixture(scope="module")
def home():
    folder = Path(tempfile.mkdtemp(dir=os.environ["CRYPTOML_HOME"]))
    home = Home(folder / "home")
    yield home
    shutil.rmtree(folder)
    shutil.rmtree(home.sockets, ignore_errors=True)


@pytest.fixture
def own_valkey(home):
    """own_valkey() runs a Valkey of the test's own, within; empty at first."""

    @contextmanager
    def run():
        with running(Valkey(home), print), Redis.from_url(home.redis_url) as client:
            yield client

    yield run
    shutil.rmtree(home.valkey, ignore_errors=True)


@pytest.fixture
def questions(own_valkey, home, clock):
    """A limiter, and how often it has asked Valkey."""
    with own_valkey() as client:
        limiter = Limiter(home.redis_url, live_processes=lambda: 4, monotonic=clock)
        limiter.take("warm", limit=60)  # loads the script

        def asked():
            return client.info("commandstats")["cmdstat_evalsha"]["calls"]

        yield limiter, asked


@pytest.fixture
def hung():
    """The URL of a server that accepts and never answers, and a function that gives all connections until now."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder}/s")
        server.listen(64)
        server.setblocking(False)
        accepted = []

        def connections():
            with suppress(BlockingIOError):
                while True:
                    accepted.append(server.accept()[0])
            return accepted

        yield f"unix://{folder}/s", connections
        for connection in connections():
            connection.close()
