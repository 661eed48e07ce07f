"""The embedded Postgres: one cluster per home, reached through its socket folder alone."""

import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from os import chown
from pathlib import Path
from shutil import rmtree
from signal import SIGINT, Signals

import psutil
import psycopg
from psycopg import sql

from cryptoml_site.embedded.account import reachable_data, reachable_installation, server_account
from cryptoml_site.embedded.errors import ServersUnavailable, in_one_sentence
from cryptoml_site.embedded.folders import make_folders
from cryptoml_site.embedded.home import APPLICATION, OWNER, PORT, Home
from cryptoml_site.embedded.launch import environment, launched
from cryptoml_site.embedded.server import Say, end
from cryptoml_site.embedded.wheels import POSTGRES_MAJOR, postgres_installation
from cryptoml_site.grants import grant_to_application

DATABASE = APPLICATION
SUPERUSER = "postgres"

SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_permissions": "0700",
    "max_connections": 100,
    "fsync": "on",  # an answer that left is in the log, on a laptop too
    "synchronous_commit": "on",
    # After a kill it first makes sure that its files are on the disk: one by one took 2 to 3 s, all at once 0.1 s.
    "recovery_init_sync_method": "syncfs" if sys.platform == "linux" else "fsync",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",  # whoever runs it keeps its stderr
}

_OWNER_OF_DATABASE = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s"


@dataclass(frozen=True)
class Postgres:
    home: Home
    name = "postgres"
    title = "Postgres"
    stop_signal: Signals = SIGINT  # its fast shutdown: SIGTERM would wait for every client to leave

    def prepare(self, say: Say) -> list[str]:
        make_folders(self.home)
        with in_one_sentence(self.home.path):
            self.stop_left_over()
            installation = reachable_installation(postgres_installation(), say)
            data = reachable_data(self.home, say)
            _refuse_other_version(data)
            if not (data / "PG_VERSION").exists():
                _initialise(data, installation)
        settings = SETTINGS | {"unix_socket_directories": self.home.sockets}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return _launched([str(installation / "bin" / "postgres"), "-D", str(data), *options])

    def accepts(self) -> bool:
        return self._connects(SUPERUSER, "postgres")

    def serves(self) -> bool:
        return self._connects(APPLICATION, DATABASE)

    def furnish(self) -> None:
        """The database with two ordinary roles: one owns it and what is in it, the other is the application's."""
        with self.as_superuser() as connection:
            for role in (OWNER, APPLICATION):
                if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount:
                    ordinary = sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE")
                    connection.execute(ordinary.format(sql.Identifier(role)))
            found = connection.execute(_OWNER_OF_DATABASE, [DATABASE]).fetchone()
            if not found:
                names = map(sql.Identifier, (DATABASE, OWNER))
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))
        if found == (APPLICATION,):
            self._part_the_roles()

    def _part_the_roles(self) -> None:
        """In a home from before there was an owner, the application's role owned everything."""
        with self.as_superuser(DATABASE) as connection, connection.transaction():
            names = map(sql.Identifier, (APPLICATION, OWNER))
            connection.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(*names))
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(OWNER)))
            grant_to_application(connection, APPLICATION)  # `migrate` does it too, but need not be what comes next

    def as_superuser(self, database: str = "postgres") -> psycopg.Connection:
        return self._connect(SUPERUSER, database)

    def _connect(self, user: str, database: str) -> psycopg.Connection:
        host = str(self.home.sockets)
        return psycopg.connect(host=host, port=PORT, user=user, dbname=database, autocommit=True, connect_timeout=5)

    def _connects(self, user: str, database: str) -> bool:
        try:
            self._connect(user, database).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop_left_over(self) -> None:
        """End a postmaster that an earlier run left on our sockets, and wait for one that is ending."""
        for note in (self.home.postgres / "postmaster.pid", self.home.sockets / f".s.PGSQL.{PORT}.lock"):
            with suppress(FileNotFoundError, psutil.NoSuchProcess):
                process = psutil.Process(int(note.read_text().split()[0]))
                if f"unix_socket_directories={self.home.sockets}" in process.cmdline():  # else: a copied file
                    end(process, self.stop_signal)


def _launched(argv: list[str]) -> list[str]:
    account = server_account()
    return launched(argv, user=account.pw_name if account else None, on_orphaned=Postgres.stop_signal)


def _refuse_other_version(data: Path) -> None:
    with suppress(FileNotFoundError):
        found = (data / "PG_VERSION").read_text().strip()
        if found != POSTGRES_MAJOR:
            raise ServersUnavailable(
                f"{data} was made by Postgres {found} and this is {POSTGRES_MAJOR}: "
                "dump it with the old version and restore it, or move the folder away."
            )


def _initialise(data: Path, installation: Path) -> None:
    """A new cluster, whole or not at all. `trust` is safe because only we can enter the socket folder."""
    half = data.with_name(f"{data.name}.new")
    rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    account = server_account()
    if account:
        chown(half, account.pw_uid, account.pw_gid)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command = [str(installation / "bin" / "initdb"), "-D", str(half), "-U", SUPERUSER, "--auth=trust", *locale]
    done = subprocess.run(_launched(command), env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise ServersUnavailable(f"Postgres could not make its data folder: {done.stderr.strip().splitlines()[-1]}")
    half.rename(data)
