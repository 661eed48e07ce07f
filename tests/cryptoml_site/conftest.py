import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from cryptoml_site.embedded.home import SITE, Home


@pytest.fixture
def home():
    """A home of a test's own; not below tmp_path, which is closed to the user that Postgres is when root tests."""
    folder = Path(tempfile.mkdtemp(dir=os.environ["CRYPTOML_HOME"]))
    folder.chmod(0o711)
    home = Home(folder / "home")
    yield home
    assert eventually(lambda: not processes_of(home)), f"left running: {processes_of(home)}"
    shutil.rmtree(folder)
    shutil.rmtree(home.sockets, ignore_errors=True)


@pytest.fixture
def command(home):
    """Start `manage.py ARGUMENT...` at that home, as from a shell that names no servers."""
    started = []

    def start(*arguments, **environment):
        named = {"DATABASE_URL", "REDIS_URL", "PYTEST_XDIST_WORKER", "DJANGO_SETTINGS_MODULE"}
        plain = {name: value for name, value in os.environ.items() if name not in named}
        process = subprocess.Popen(
            [sys.executable, str(SITE / "manage.py"), *arguments],
            env={**plain, "CRYPTOML_HOME": str(home.path), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def processes_of(home):
    """Command lines of the servers, keepers and supervisors of a home that are alive."""
    marks = (str(home.path), str(home.sockets))
    return [line for line in map(command_line, psutil.process_iter()) if any(mark in line for mark in marks)]


def command_line(process):
    try:
        return " ".join(process.cmdline())  # empty once it is a zombie
    except psutil.Error:
        return ""


def ended(process):
    """Gone, or dead and not yet buried by its parent."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def eventually(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
