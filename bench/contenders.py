"""Who is measured: ours, and the same model behind other designs."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.load import HOST, Bodies
from bench.model import MARKET, Stage, product_environment
from bench.serving import Question
from cryptoml_site.embedded.home import SITE
from cryptoml_site.embedded.launch import launched
from cryptoml_site.embedded.web import web_program
from training.features.classic import EXAMPLE

KEY_HEADER = "X-API-Key"
WORKERS = 2
THREADS = 16
PEERS_PYTHON = SITE / ".venv-bench" / "bin" / "python"

ROW = "[" + ",".join(["%.9g"] * len(EXAMPLE)) + "]"
FLAT = "{" + ",".join(f'"{name}":%.9g' for name in EXAMPLE) + "}"
BODIES = Bodies(single=FLAT, batch_vector=ROW, batch_head=f'{{"model":"{MARKET}","rows":[', batch_tail="]}")


@dataclass(frozen=True)
class Contender:
    """A design: how it is started and how it is asked."""

    name: str
    title: str
    log: str
    auth: str
    command: Callable[[Stage, int], Sequence[str]]
    environment: Callable[[Stage], Mapping[str, str]]
    path: str = "/predict"
    batch_path: str = "/predict/batch"
    bodies: Bodies = BODIES
    probability_up: Callable[[Any], float] = lambda reply: float(reply["probability_up"])
    table: str = ""  # where its answers must be found
    guarded: bool = False  # it must refuse who has no key

    def headers(self, stage: Stage) -> dict[str, str]:
        return {"Content-Type": "application/json", KEY_HEADER: stage.key}

    def question(self, stage: Stage, vector: Iterable[float]) -> Question:
        return Question(self.path, self.bodies.single % tuple(vector), self.headers(stage))


def peer_environment(stage: Stage) -> dict[str, str]:
    return {
        **product_environment(stage.home),
        "OMP_NUM_THREADS": "1",  # or the arithmetic's threads fight the workers
        "BENCH_ONNX": str(stage.onnx),
        "BENCH_NATIVE": str(stage.native),
        "BENCH_LOG": str(stage.home.logs / "peer-answers.log"),
        "BENCH_KEY": stage.key,
        "BENCH_SOCKETS": str(stage.home.sockets),
    }


def _uvicorn(module: str) -> Callable[[Stage, int], Sequence[str]]:
    def command(_: Stage, port: int) -> list[str]:
        options = {"--host": HOST, "--port": port, "--workers": WORKERS, "--loop": "uvloop", "--http": "httptools"}
        given = [str(part) for option in options.items() for part in option]
        application = f"bench.peers.{module}:app"
        quiet = ["--no-access-log", "--log-level", "warning"]
        return launched([str(PEERS_PYTHON), "-m", "uvicorn", application, *given, *quiet])

    return command


def _granian(_: Stage, port: int) -> Sequence[str]:
    return web_program(port=port, workers=WORKERS, threads=THREADS).command


OURS = Contender(
    name="ours",
    title="CryptoML",
    log="Postgres",
    auth="key, scope",
    command=_granian,
    environment=lambda stage: product_environment(stage.home),
    path="/api/v1/predict",
    batch_path="/api/v1/predict/batch",
    table="predictions_prediction",
    guarded=True,
)
PEERS = [
    Contender(
        name="classic",
        title="FastAPI + joblib, the design of most tutorials",
        log="file",
        auth="no",
        command=_uvicorn("classic"),
        environment=peer_environment,
    ),
    Contender(
        name="fastapi_onnx_asyncpg",
        title="FastAPI async + onnxruntime + asyncpg INSERT",
        log="Postgres",
        auth="key in a dict",
        command=_uvicorn("fastapi_onnx_asyncpg"),
        environment=peer_environment,
        table="peer_predictions",
        guarded=True,
    ),
    Contender(
        name="fastapi_onnx",
        title="FastAPI async + onnxruntime, nothing else",
        log="no",
        auth="no",
        command=_uvicorn("fastapi_onnx"),
        environment=peer_environment,
    ),
]


def refuse_without_peers_environment() -> None:
    if not PEERS_PYTHON.exists():
        sys.exit("The peers run in .venv-bench, which is not there: `make bench` makes it.")
