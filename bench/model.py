"""A home of the product with a model in production, made by its own commands; everything is gone at the end."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg
from numpy.typing import NDArray

from cryptoml_site.embedded.commands import using
from cryptoml_site.embedded.home import OWNER, SITE, Home
from cryptoml_site.embedded.postgres import DATABASE, Postgres
from cryptoml_site.embedded.server import Say
from cryptoml_site.embedded.valkey import Valkey
from registry.onnx_model import OnnxClassifier

MARKET = "demo-usd-1m"  # the model bears the same name
CANDLES = 10_000  # as `up` makes them
TREES = 200
RATE_LIMIT = 10_000_000  # requests a minute
_KEY = f"""
from predictions.models import ApiKey, Scope
from registry.models import RegisteredModel
RegisteredModel.objects.named("{MARKET}").make_default()
_, secret = ApiKey.objects.issue(name="bench", scopes=Scope.values, created_by="bench", rate_limit={RATE_LIMIT})
print(secret)
"""
_OURS_ALONE = ("CRYPTOML_", "DATABASE_URL", "REDIS_URL", "MIGRATE_DATABASE_URL", "MARKET", "WEB_", "DEBUG", "PORT")


@dataclass(frozen=True)
class Stage:
    """What every contender is given: the same model, the same servers."""

    home: Home
    key: str
    onnx: Path
    native: Path
    rows: Path  # vectors that the model knows, as text

    @property
    def postgres(self) -> Postgres:
        return Postgres(self.home)

    def database(self) -> psycopg.Connection:
        """As the role that owns the tables."""
        return psycopg.connect(host=str(self.home.sockets), user=OWNER, dbname=DATABASE, autocommit=True)

    def server_pids(self) -> list[int]:
        """Postgres' and Valkey's."""
        notes = (self.home.postgres / "postmaster.pid", self.home.valkey / "valkey.pid")
        return [int(note.read_text().split()[0]) for note in notes]

    def mixtures(self, seed: int, count: int) -> NDArray[np.float64]:
        """(count, features): each of two known rows, as load.lua mixes them, with the digits that are sent."""
        known, chance = np.loadtxt(self.rows), np.random.default_rng(seed)
        one, other = chance.choice(known, count), chance.choice(known, count)
        mixed = other + (one - other) * chance.random((count, 1))
        return np.array([[float(f"{value:.9g}") for value in row] for row in mixed])

    def classifier(self) -> OnnxClassifier:
        return OnnxClassifier.from_bytes(self.onnx.read_bytes())


@contextmanager
def staged(folder: Path, say: Say) -> Iterator[Stage]:
    """Embedded servers, a simulated market, a trained forest in production, and a key that is never limited."""
    folder.mkdir()
    folder.chmod(0o711)  # Postgres runs as another user when root measures
    home = Home(folder)
    try:
        with using([Postgres(home), Valkey(home)], say):
            say(f"training {TREES} trees on {CANDLES:,} simulated candles of {MARKET} ...")
            yield _furnished(home)
    finally:
        shutil.rmtree(home.sockets, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _furnished(home: Home) -> Stage:
    _manage(home, "migrate", "--verbosity", "0")
    _manage(home, "collectstatic", "--no-input", "--verbosity", "0")
    _manage(home, "simulate_candles", "--market", MARKET, "--candles", str(CANDLES))
    _manage(home, "train", MARKET, "--estimator", "random_forest", "--param", f"n_estimators={TREES}")
    _manage(home, "promote", MARKET, "1", "--reason", "the benchmark measures it", "--override")
    key = _manage(home, "shell", "--no-imports", "--command", _KEY).split()[-1]
    bundle = next((home.path / "bundles").rglob("model.onnx")).parent
    rows = home.path / "rows.txt"
    with np.load(bundle / "golden.npz") as golden:
        np.savetxt(rows, golden["X"], fmt="%.9g")
    return Stage(home, key, bundle / "model.onnx", bundle / "native.joblib", rows)


def product_environment(home: Home) -> dict[str, str]:
    """Ours without what would point the product at other servers or settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS_ALONE)}
    return {**kept, "CRYPTOML_HOME": str(home.path)}


def _manage(home: Home, *command: str) -> str:
    argv = [sys.executable, str(SITE / "manage.py"), *command]
    done = subprocess.run(argv, cwd=SITE, env=product_environment(home), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"`manage.py {command[0]}` failed, so there is nothing to measure: {done.stderr.strip()}")
    return done.stdout
