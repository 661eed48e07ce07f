"""The serving frameworks that come from PyPI, each in a throwaway environment of its own (`--all`)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.contenders import ROW, WORKERS, Contender, peer_environment
from bench.failed import Failed
from bench.load import BATCH_ROWS, HOST, Bodies
from bench.model import Stage
from bench.serving import free_port
from cryptoml_site.embedded.home import SITE
from cryptoml_site.embedded.launch import launched
from training.features.classic import EXAMPLE

SAME = ("scikit-learn", "numpy", "joblib")  # versions as ours, so that the same file gives the same answers
MLSERVER_OUTPUTS = '"outputs":[{"name":"predict_proba"}]'
_QUIET = {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "BENTOML_DO_NOT_TRACK": "True"}


@dataclass(frozen=True)
class Installed:
    """One framework's environment and the folder for what it writes."""

    bin: Path
    folder: Path

    def environment(self, stage: Stage) -> dict[str, str]:
        own = {"BENTOML_HOME": str(self.folder / "bentoml"), "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"}
        return {**peer_environment(stage), **_QUIET, **own}


@dataclass(frozen=True)
class Framework:
    """How to have it and how to run it."""

    name: str
    title: str
    packages: Sequence[str]  # the first is named with its version in the report
    path: str
    bodies: Bodies
    command: Callable[[Installed, Stage, int], list[str]]
    probability_up: Callable[[Any], float]
    prepare: Callable[[Installed, Stage], None] = lambda installed, stage: None

    def contender(self, folder: Path, stage: Stage) -> Contender:
        """Raises Failed when it does not install."""
        installed = Installed(bin=folder / "venv" / "bin", folder=folder)
        _install(folder / "venv", self.packages)
        self.prepare(installed, stage)
        return Contender(
            name=self.name,
            title=f"{self.title} {_version(installed, self.packages[0])}",
            log="no",
            auth="no",
            command=lambda stage, port: launched(self.command(installed, stage, port)),
            environment=installed.environment,
            path=self.path,
            batch_path=self.path,
            bodies=self.bodies,
            probability_up=self.probability_up,
        )


def _install(venv: Path, packages: Sequence[str]) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    _run([uv, "venv", "--quiet", "--python", sys.executable, str(venv)])
    pins = [f"{name}=={version(name)}" for name in SAME]
    _run(
        [uv, "pip", "install", "--quiet", "--system-certs", "--python", str(venv / "bin" / "python"), *packages, *pins]
    )


def _version(installed: Installed, package: str) -> str:
    return _run([str(installed.bin / "python"), "-c", f"import importlib.metadata as m; print(m.version({package!r}))"])


def _run(command: Sequence[str], env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=SITE, env=env, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"`{' '.join(command[:3])} ...` failed: {' '.join(done.stderr.split())[-500:]}")
    return done.stdout.strip()


def _rows(name: str) -> Bodies:
    return Bodies(single=f'{{"{name}":[{ROW}]}}', batch_vector=ROW, batch_head=f'{{"{name}":[', batch_tail="]}")


def _save_for_mlflow(installed: Installed, stage: Stage) -> None:
    save = [str(installed.bin / "python"), "-m", "bench.peers.mlflow_model", str(installed.folder / "model")]
    _run(save, installed.environment(stage))


def _mlflow(installed: Installed, _: Stage, port: int) -> list[str]:
    where = ["--host", HOST, "--port", str(port), "--workers", str(WORKERS)]
    model = ["--model-uri", str(installed.folder / "model"), "--env-manager", "local"]
    return [str(installed.bin / "mlflow"), "models", "serve", *model, *where]


def _bentoml(installed: Installed, _: Stage, port: int) -> list[str]:
    service = "bench.peers.bentoml_service:Forest"
    return [str(installed.bin / "bentoml"), "serve", "--quiet", service, "--host", HOST, "--port", str(port)]


def _mlserver(installed: Installed, stage: Stage, port: int) -> list[str]:
    """It is configured by two files of its folder."""
    model = {"uri": str(stage.native)}
    (installed.folder / "model-settings.json").write_text(
        json.dumps({"name": "forest", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": model})
    )
    ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    places = {"environments_dir": str(installed.folder / "envs"), "metrics_dir": str(installed.folder / "metrics")}
    settings = {"host": HOST, **ports, **places, "parallel_workers": WORKERS}
    (installed.folder / "settings.json").write_text(json.dumps(settings))
    return [str(installed.bin / "mlserver"), "start", str(installed.folder)]


def _litserve(installed: Installed, _: Stage, port: int) -> list[str]:
    return [str(installed.bin / "python"), "-m", "bench.peers.litserve_server", HOST, str(port)]


def _mlserver_bodies() -> Bodies:
    def head(rows: int) -> str:
        return f'{{"inputs":[{{"name":"x","shape":[{rows},{len(EXAMPLE)}],"datatype":"FP64","data":['

    tail = f"]}}],{MLSERVER_OUTPUTS}}}"
    return Bodies(single=head(1) + ROW + tail, batch_vector=ROW, batch_head=head(BATCH_ROWS), batch_tail=tail)


FRAMEWORKS = {
    framework.name: framework
    for framework in (
        Framework(
            name="mlflow",
            title="MLflow",
            packages=["mlflow"],
            path="/invocations",
            bodies=_rows("inputs"),
            command=_mlflow,
            probability_up=lambda reply: float(reply["predictions"][0][1]),
            prepare=_save_for_mlflow,
        ),
        Framework(
            name="bentoml",
            title="BentoML",
            packages=["bentoml"],
            path="/predict",
            bodies=_rows("rows"),
            command=_bentoml,
            probability_up=lambda reply: float(reply[0]),
        ),
        Framework(
            name="mlserver",
            title="MLServer",
            packages=["mlserver", "mlserver-sklearn", "uvloop<0.22"],  # with a newer one 1.7.1's workers do not start
            path="/v2/models/forest/infer",
            bodies=_mlserver_bodies(),
            command=_mlserver,
            probability_up=lambda reply: float(reply["outputs"][0]["data"][1]),
        ),
        Framework(
            name="litserve",
            title="LitServe",
            packages=["litserve"],
            path="/predict",
            bodies=_rows("rows"),
            command=_litserve,
            probability_up=lambda reply: float(reply["probability_up"][0]),
        ),
    )
}
