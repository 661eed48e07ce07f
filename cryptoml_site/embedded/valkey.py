"""The embedded Valkey: cache, rate limits and Celery's broker, on a Unix socket alone."""

import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM, Signals

import psutil

from cryptoml_site.embedded.errors import in_one_sentence
from cryptoml_site.embedded.folders import make_folders
from cryptoml_site.embedded.home import Home
from cryptoml_site.embedded.launch import launched
from cryptoml_site.embedded.server import Say, end
from cryptoml_site.embedded.wheels import valkey_server

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "maxmemory-policy": "noeviction",  # a broker must not lose tasks to make room
    # A queued task outlives a kill of the server: each write is in the file at once and on the disk within a second.
    # What must never be lost is in Postgres, so that this second may be; snapshots would add nothing.
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
}


@dataclass(frozen=True)
class Valkey:
    home: Home
    name = "valkey"
    title = "Valkey"
    stop_signal: Signals = SIGTERM

    def prepare(self, say: Say) -> list[str]:
        make_folders(self.home)
        with in_one_sentence(self.home.path):
            self.stop_left_over()
        places = {"unixsocket": self.home.valkey_socket, "dir": self.home.valkey, "pidfile": self._pid_file}
        options = [part for name, value in (SETTINGS | places).items() for part in (f"--{name}", str(value))]
        return launched([str(valkey_server()), *options], on_orphaned=self.stop_signal)

    def accepts(self) -> bool:
        """It answers a PING; asked by hand, for redis-py costs every command 0.3 s to import."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            try:
                client.connect(str(self.home.valkey_socket))
                client.sendall(b"PING\r\n")
                return client.recv(100) == b"+PONG\r\n"
            except OSError:
                return False

    def serves(self) -> bool:
        return self.accepts()

    def furnish(self) -> None:
        """An empty Valkey is all that the site expects."""

    @property
    def _pid_file(self) -> Path:
        return self.home.valkey / "valkey.pid"

    def stop_left_over(self) -> None:
        """End a server that an earlier run left on our socket, and wait for one that is ending."""
        with suppress(FileNotFoundError, psutil.NoSuchProcess):
            process = psutil.Process(int(self._pid_file.read_text()))
            if str(self.home.valkey_socket) in " ".join(process.cmdline()):  # else: a copied file, a number used again
                end(process, self.stop_signal)
