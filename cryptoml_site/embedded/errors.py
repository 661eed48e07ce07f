"""What keeps the embedded servers from starting, each as one sentence."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptoml_site.errors import Unavailable


class ServersUnavailable(Unavailable):
    """The embedded servers cannot be had here and now."""

    code = "servers_unavailable"


_SENTENCES = {
    errno.ENOSPC: "No space is left on the disk of {path}: free some, or set CRYPTOML_HOME elsewhere.",
    errno.EDQUOT: "Your disk quota leaves no space in {path}: free some, or set CRYPTOML_HOME elsewhere.",
    errno.EACCES: "No write permission in {path}: change that, or set CRYPTOML_HOME to a folder of yours.",
    errno.EPERM: "No write permission in {path}: change that, or set CRYPTOML_HOME to a folder of yours.",
    errno.EROFS: "{path} is on a read-only disk: set CRYPTOML_HOME to a folder that can be written.",
    errno.ENOTDIR: "{path} is no folder: remove that file, or set CRYPTOML_HOME to another folder.",
    errno.EEXIST: "{path} is no folder: remove that file, or set CRYPTOML_HOME to another folder.",
}


@contextmanager
def in_one_sentence(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses below `path` into a ServersUnavailable that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in _SENTENCES:
            raise
        raise ServersUnavailable(_SENTENCES[error.errno].format(path=path)) from error
