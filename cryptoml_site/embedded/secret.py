"""The secret key of a development site: made once, kept in its home."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptoml_site.embedded.errors import in_one_sentence


def development_secret(home: Path) -> str:
    """The random key in home/secret_key, which the first caller makes, readable by its owner alone."""
    path = home / "secret_key"
    with in_one_sentence(home):
        if not path.exists():
            _make(path)
        return path.read_text().strip()


def _make(path: Path) -> None:
    """Whole or not at all: of two processes at once one links its key, both then read that one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, prefix=".secret_key-") as file:  # made with mode 0600
        file.write(secrets.token_urlsafe(48) + "\n")
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)
