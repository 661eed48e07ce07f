"""Whole sites, by `manage.py up` of any checkout, in a home of their own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from cryptoml_site.embedded.home import SITE, Home
from cryptoml_site.embedded.postgres import Postgres
from training.features.classic import EXAMPLE

PATIENCE = 240.0  # seconds: it trains a model before its door opens
NOT_INHERITED = {"DATABASE_URL", "REDIS_URL", "PYTEST_XDIST_WORKER", "CRYPTOML_DATA_DIR", "COINGECKO_URL"}


@dataclass(frozen=True)
class Site:
    home: Home
    told: dict

    def ask(self, method, path, **body):
        headers = {"X-API-Key": self.told["api_key"]}
        return httpx.request(method, f"{self.told['base_url']}{path}", headers=headers, timeout=30, **body)

    def predict(self):
        answer = self.ask("POST", "/predict", json=EXAMPLE)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rows(self, query):
        """By the application's role, over the home's own socket."""
        facts = {"host": str(self.home.sockets), "port": 5432, "user": "cryptoml", "dbname": "cryptoml"}
        with psycopg.connect(**facts) as connection:
            return connection.execute(query).fetchall()


@contextmanager
def site_up(home, *, code=SITE, **more):
    """`make up` of that code, simulated market alone; stopped in order at the end."""
    log = home.path.parent / f"up-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        up = subprocess.Popen(
            [sys.executable, str(code / "manage.py"), "up"],
            env=environment(home, PORT=str(free_port()), **more),
            cwd=code,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not home.up_json.exists():
            assert up.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield Site(home, json.loads(home.up_json.read_text()))
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(PATIENCE)


def manage(home, *arguments, code=SITE, typed="", **more):
    """One command at that home."""
    command = [sys.executable, str(code / "manage.py"), *arguments]
    return subprocess.run(
        command, env=environment(home, **more), cwd=code, input=typed, capture_output=True, text=True, timeout=PATIENCE
    )


def environment(home, **more):
    plain = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return {**plain, "CRYPTOML_HOME": str(home.path), "MARKET_SOURCE": "simulated", "MARKETS": "", **more}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def checkout(commit, folder: Path):
    """The files of an older commit; None where this clone has no such commit."""
    archived = subprocess.run(["git", "archive", commit], cwd=SITE, capture_output=True)
    if archived.returncode:
        return None
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archived.stdout, check=True)
    return folder


def as_superuser(home):
    return Postgres(home).as_superuser("cryptoml")
