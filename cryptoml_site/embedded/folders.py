"""The folders that the servers share, made with the modes on which their safety rests."""

import os
import shutil
import stat
from pathlib import Path

from cryptoml_site.embedded.account import server_account
from cryptoml_site.embedded.errors import ServersUnavailable, in_one_sentence
from cryptoml_site.embedded.home import Home

_FREE_BYTES = 300_000_000  # a new cluster with its log files takes a quarter of this


def make_folders(home: Home) -> None:
    """Home with its logs and sockets; a full disk and a folder that is not ours are refused here, in words."""
    with in_one_sentence(home.path):
        home.path.mkdir(parents=True, exist_ok=True)
        for folder in (home.logs, home.valkey, home.locks):
            folder.mkdir(mode=0o700, exist_ok=True)
            _refuse_closed(folder)
        _make_sockets_folder(home.sockets)
    if shutil.disk_usage(home.path).free < _FREE_BYTES:
        raise ServersUnavailable(f"Less than {_FREE_BYTES // 1_000_000} MB are free on the disk of {home.path}.")


def _refuse_closed(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(13, "Permission denied", str(folder))


def _make_sockets_folder(folder: Path) -> None:
    """Only its owner may enter: who reaches a socket is trusted. Under root that is Postgres' user, root may anyway."""
    folder.mkdir(mode=0o700, exist_ok=True)
    account = server_account()
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.getuid(), account.pw_uid if account else os.getuid()}:
        raise ServersUnavailable(f"{folder} belongs to somebody else: remove it, or set CRYPTOML_HOME elsewhere.")
    folder.chmod(0o700)
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)
