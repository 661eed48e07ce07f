"""What lives where below CRYPTOML_HOME. Pure: settings import this, nothing here touches the disk."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

SITE = Path(__file__).resolve().parents[2]  # where manage.py is
APPLICATION, OWNER = "cryptoml", "cryptoml_owner"  # roles of its Postgres; the database bears the former's name
PORT = 5432  # it only names the socket, and is said so that a PGPORT in the environment does not rename it
_LONGEST_SOCKET = 103  # bytes, on macOS; Linux takes 107
_LONGEST_NAME = len("/.s.PGSQL.5432.lock")
_PLAIN = re.compile(r"[A-Za-z0-9_./-]+")  # a comma would be two hosts to libpq, a space two folders to Postgres


@dataclass(frozen=True)
class Home:
    """The folder of one installation: its data, its logs and the sockets of its servers."""

    path: Path

    @property
    def sockets(self) -> Path:
        """Folder of all sockets, mode 0700: below home, or a short one of its own where home's path does not do.

        It is too long, or root's: then Postgres is another user, to whom home may be closed. The short one is not below
        TMPDIR, for two shells with different ones must find the same servers; it is refused when it is not ours.
        """
        inside, user = self.path / "run", os.getuid()
        fits = len(os.fsencode(inside)) + _LONGEST_NAME <= _LONGEST_SOCKET
        if user != 0 and fits and _PLAIN.fullmatch(str(inside)):
            return inside
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        return Path(f"/tmp/cryptoml-{user}-{digest}")  # noqa: S108  # nosec B108

    @property
    def postgres(self) -> Path:
        """Postgres' data folder, or a link to it where root's home is closed to other users."""
        return self.path / "postgres"

    @property
    def valkey(self) -> Path:
        return self.path / "valkey"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def locks(self) -> Path:
        return self.path / "locks"

    @property
    def up_json(self) -> Path:
        return self.path / "up.json"

    @property
    def supervisord_conf(self) -> Path:
        return self.path / "supervisord.conf"

    @property
    def supervisord_pid(self) -> Path:
        return self.path / "supervisord.pid"

    @property
    def supervisord_socket(self) -> Path:
        return self.sockets / "supervisord.sock"

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey.sock"

    @property
    def database_url(self) -> str:
        return self._url_of(APPLICATION)

    @property
    def owner_url(self) -> str:
        """The same database, by the role that owns its tables and migrates them."""
        return self._url_of(OWNER)

    def _url_of(self, role: str) -> str:
        """In django-environ's spelling of a socket folder: as the head of the path, percent-encoded."""
        return f"postgres://{role}@:{PORT}/{quote(str(self.sockets), safe='')}/{APPLICATION}"

    @property
    def redis_url(self) -> str:
        return f"unix://{quote(str(self.valkey_socket))}?db=0"
