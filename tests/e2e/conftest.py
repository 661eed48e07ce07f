"""Real processes of the site, on this run's servers and this test's database and clock."""

import os
import signal
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
from django.db import connection

from cryptoml_site.celery import app

PATIENCE = 180.0  # seconds: a trainer imports the fitting stack beside everything else that runs


def database_url():
    facts = connection.settings_dict
    return f"postgres://{facts['USER']}@:{facts['PORT'] or 5432}/{quote(str(facts['HOST']), safe='')}/{facts['NAME']}"


def wait_for(condition, seconds=PATIENCE):
    """What the condition gives once that is true; fails the test when it takes too long."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s in vain")
        time.sleep(0.05)
    return found


class Process:
    def __init__(self, argv, env, log):
        self.log = log
        with log.open("wb") as output:
            self.popen = subprocess.Popen(argv, env=env, stdout=output, stderr=subprocess.STDOUT)

    def wait_until_it_says(self, words):
        wait_for(lambda: words in self.log.read_text() or self.popen.poll() is not None)
        assert self.popen.poll() is None, self.log.read_text()

    def kill(self):
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()


@pytest.fixture
def bundles_of_the_home(settings):
    """Other processes read bundles where the settings say, not where this test's fixture would put them."""
    bundles = {**settings.STORAGES["bundles"], "OPTIONS": {"location": settings.CRYPTOML_HOME / "bundles"}}
    settings.STORAGES = {**settings.STORAGES, "bundles": bundles}


@pytest.fixture
def worker(transactional_db, settings, tmp_path):
    """worker("data") starts a Celery worker of that queue; it is killed at the end."""
    app.control.purge()
    started = []

    def start(queue, *options):
        env = {**os.environ, "DATABASE_URL": database_url(), "CRYPTOML_HOME": str(settings.CRYPTOML_HOME)}
        if settings.CLOCK_FILE:
            env["CRYPTOML_CLOCK_FILE"] = settings.CLOCK_FILE
        argv = [sys.executable, "-m", "celery", "--app", "cryptoml_site.celery", "worker", "--queues", queue]
        argv += ["--pool", "solo", "--loglevel", "INFO", "--hostname", f"{queue}{len(started)}@test", *options]
        process = Process(argv, env, tmp_path / f"{queue}{len(started)}.log")
        started.append(process)
        process.wait_until_it_says(" ready.")
        return process

    yield start
    for process in started:
        if process.popen.poll() is None:
            process.kill()
