"""`python killed_restore.py FILE MOMENT DATABASE`: a restore that is killed, as by kill -9, at that moment."""

import os
import signal
import sys
from pathlib import Path

import django


def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


class Half:
    """The dump's stream, which ends us in its middle."""

    def __init__(self, stream):
        self._stream = stream
        self._reads = 0

    def read(self, _):
        self._reads += 1
        if self._reads > 20:
            kill()
        return self._stream.read(2_000)


def killed_at(moment, restoring):
    load, script = restoring._load, restoring._script
    match moment:
        case "in the middle of the dump":
            restoring._load = lambda stream, *rest: load(Half(stream), *rest)
        case "before the commit":
            restoring._script = lambda *arguments: (script(*arguments), kill())
        case "before migrating":
            restoring.call_command = kill


if __name__ == "__main__":
    django.setup()
    from cryptoml_site.backups import restoring  # it needs the settings

    path, moment, database = sys.argv[1:]
    killed_at(moment, restoring)
    restoring.restore(Path(path), replace=True, confirm=lambda _: database, say=print)
