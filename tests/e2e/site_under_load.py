"""A whole site of a test's own: its Postgres and Valkey, granian as `up` runs it, a mover, and clients that ask."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from signal import SIGKILL

import psutil
import psycopg

from cryptoml_site.embedded.home import PORT, SITE
from cryptoml_site.embedded.launch import environment
from cryptoml_site.embedded.postgres import Postgres
from cryptoml_site.embedded.server import await_server, log_of
from cryptoml_site.embedded.valkey import Valkey
from cryptoml_site.embedded.web import HOST, await_free_port, await_web, web_program
from training.features.classic import EXAMPLE

OF_ANOTHER_SITE = {"DATABASE_URL", "REDIS_URL", "CRYPTOML_CLOCK_FILE", "PYTEST_XDIST_WORKER"}
SECONDS_TO_STOP = 20


@dataclass(frozen=True)
class Answer:
    """What one request came to; times by the monotonic clock. status: None where the connection broke."""

    sent: float
    received: float
    status: int | None
    id: str = ""
    version: int = 0
    logged: str = ""
    ledger_age: str = ""
    said: str = ""


@dataclass(frozen=True)
class Move:
    version: int
    began: float
    done: float


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


class Site:
    """Start it with `with`; whatever was killed meanwhile, nothing is left running at the end."""

    def __init__(self, home):
        self.home = home
        self.port = free_port()
        self.postgres = Postgres(home)
        self.valkey = Valkey(home)
        self.running = {}
        self.moves = []

    def __enter__(self):
        with ExitStack() as undo:
            undo.callback(self.stop)
            self.start(self.postgres)
            self.start(self.valkey)
            (self.home.path / "static").mkdir()
            self._start_mover()
            self.start_web()
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_):
        self._undo.close()

    def start(self, server):
        command = server.prepare(lambda line: None)
        with log_of(server).open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment())
        self.running[server.name] = process
        await_server(server, alive=lambda: process.poll() is None)

    def kill(self, server):
        self.running[server.name].send_signal(SIGKILL)
        self.running[server.name].wait()

    @contextmanager
    def frozen(self, server):
        """It holds its connections and says nothing."""
        server = psutil.Process(self.running[server.name].pid)
        family = [server, *server.children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            yield
        finally:
            for process in family:
                process.resume()

    def start_web(self, *, wait=True):
        program = web_program(port=self.port, workers=2, threads=16)
        with (self.home.logs / "web.log").open("ab") as log:
            web = subprocess.Popen(program.command, cwd=SITE, env=self._environment(), stdout=log, stderr=log)
        self.running["web"] = web
        if wait:
            await_web(self.home, self.port, self.api_key, alive=lambda: web.poll() is None)

    def web_workers(self):
        """Of granian; its other child tracks resources."""
        children = psutil.Process(self.running["web"].pid).children()
        return [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]

    def kill_a_web_worker(self):
        """The moment before it."""
        busiest = max(self.web_workers(), key=lambda worker: len(worker.net_connections()))
        moment = time.monotonic()
        busiest.kill()
        return moment

    def move(self, verb, number):
        mover = self.running["mover"]
        mover.stdin.write(f"{verb} {number}\n")
        mover.stdin.flush()
        self.moves.append(Move(**json.loads(mover.stdout.readline())))

    def move_over_http(self, verb, number):
        """As a program promotes: the click, and the promised second from then on."""
        body = {"reason": "load", **({"version": number} if verb == "promote" else {"to": number})}
        headers = {"X-API-Key": self.api_key, "Content-Type": "application/json"}
        connection = HTTPConnection(HOST, self.port, timeout=20)
        began = time.monotonic()
        connection.request("POST", f"/models/{self.model}/{verb}", json.dumps(body), headers)
        response = connection.getresponse()
        assert response.status == 200, response.read()
        connection.close()
        self.moves.append(Move(number, began, time.monotonic()))

    def stored(self, ids):
        """How many rows of the log have one of these ids, which tells doubles too."""
        with self.database() as connection:
            question = "SELECT count(*) FROM predictions_prediction WHERE id = ANY(%s::uuid[])"
            return connection.execute(question, [list(ids)]).fetchone()[0]

    def database(self):
        return psycopg.connect(host=str(self.home.sockets), port=PORT, user="cryptoml", dbname="cryptoml")

    def web_log(self):
        return (self.home.logs / "web.log").read_text(errors="replace")

    def stop(self):
        for name in ("mover", "web", "valkey", "postgres"):
            process = self.running.get(name)
            if process is not None and process.poll() is None:
                process.send_signal(self.postgres.stop_signal if name == "postgres" else 15)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(SECONDS_TO_STOP)
                process.kill()
            if process is not None:
                process.wait()
        if "mover" in self.running:
            self.running["mover"].stdin.close()
            self.running["mover"].stdout.close()
        await_free_port(self.port)

    def _start_mover(self):
        command = [sys.executable, "-m", "tests.e2e.mover"]
        with (self.home.logs / "mover.log").open("ab") as log:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
            mover = subprocess.Popen(command, cwd=SITE, env=self._environment(), text=True, **pipes)
        self.running["mover"] = mover
        began = time.monotonic()
        furnished = mover.stdout.readline()
        assert furnished, (self.home.logs / "mover.log").read_text()
        self.moves.append(Move(1, began, time.monotonic()))
        told = json.loads(furnished)
        self.api_key, self.model = told["api_key"], told["model"]

    def _environment(self):
        plain = {name: value for name, value in environment().items() if name not in OF_ANOTHER_SITE}
        settings = {"CRYPTOML_HOME": str(self.home.path), "DJANGO_SETTINGS_MODULE": "cryptoml_site.settings"}
        return {**plain, **settings, "PYTHONPATH": os.pathsep.join([str(SITE), plain.get("PYTHONPATH", "")])}


@dataclass
class Load:
    """Clients that ask one question after another until the end of the `with`."""

    site: Site
    clients: int
    answers: list = field(default_factory=list)

    def __enter__(self):
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask_on, args=[number]) for number in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _ask_on(self, number):
        headers = {"X-API-Key": self.site.api_key, "Content-Type": "application/json"}
        connection, asked = HTTPConnection(HOST, self.site.port, timeout=20), 0
        while not self._stop.is_set():
            asked += 1
            body = (
                json.dumps(EXAMPLE | {"price": 40_000.0 + asked % 1_000}) if "price" in EXAMPLE else json.dumps(EXAMPLE)
            )
            self.answers.append(_ask(connection, body, headers))
            if self.answers[-1].status is None:
                time.sleep(0.02)
        connection.close()


def _ask(connection, body, headers):
    sent = time.monotonic()
    try:
        connection.request("POST", "/predict", body, headers)
        response = connection.getresponse()
        said = response.read()
    except (HTTPException, OSError) as error:
        connection.close()
        return Answer(sent, time.monotonic(), None, said=repr(error))
    received = time.monotonic()
    if response.status != 200:
        return Answer(sent, received, response.status, said=said.decode(errors="replace"))
    found = json.loads(said)
    told = {
        "logged": response.getheader("CryptoML-Logged", ""),
        "ledger_age": response.getheader("CryptoML-Ledger-Age", ""),
    }
    return Answer(sent, received, 200, id=found["id"], version=found["version"], **told)


def too_late(answer, moves):
    """Seconds by which its version was out of production a second before the request; infinite for one not yet in."""
    ends = [move.done for move in moves[1:]] + [float("inf")]
    spans = zip(moves, ends, strict=True)
    begun = [end for move, end in spans if move.version == answer.version and move.began <= answer.received]
    return max(answer.sent - 1.0 - max(begun), 0.0) if begun else float("inf")
