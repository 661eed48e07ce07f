"""A web process or Postgres is killed in mid-promotion: there is one production version, never none or two."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from signal import SIGKILL

import pytest
from psycopg import IsolationLevel

from cryptoml_site.embedded.home import SITE, Home
from tests.e2e.conftest import wait_for
from tests.e2e.site_under_load import Site

pytestmark = pytest.mark.xdist_group("serving")

MOVES = """
SELECT f.number, t.number
FROM registry_deployment d JOIN registry_registeredmodel m ON m.id = d.model_id
LEFT JOIN registry_modelversion f ON f.id = d.from_version_id
JOIN registry_modelversion t ON t.id = d.to_version_id
WHERE d.kind IN ('promote', 'rollback') AND m.name = %s ORDER BY d.generation
"""
IN_PRODUCTION = """
SELECT v.number FROM registry_modelversion v JOIN registry_registeredmodel m ON m.id = v.model_id
WHERE v.stage = 'production' AND m.name = %s
"""
VERBS = ("promote", "rollback")  # each has a model of that name


class KilledSite(Site):
    """Its databases, and a process whose children move versions over HTTP; no granian."""

    def start_web(self, *, wait=True):
        """None is needed."""

    def _start_mover(self):
        command = [sys.executable, "-m", "tests.e2e.promoter"]
        with (self.home.logs / "promoter.log").open("ab") as log:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
            self.running["mover"] = subprocess.Popen(command, cwd=SITE, env=self._environment(), text=True, **pipes)
        assert self._told(), (self.home.logs / "promoter.log").read_text()

    def begin(self, verb):
        """The pid of a process that moves versions."""
        self.running["mover"].stdin.write(f"{verb}\n")
        self.running["mover"].stdin.flush()
        return self._told()["pid"]

    def end(self, pid):
        os.kill(pid, SIGKILL)
        assert self._told() == {"ended": pid}

    def _told(self):
        return json.loads(self.running["mover"].stdout.readline() or "null")

    def look(self, model):
        """What is in production, and (from, to) of each move, oldest first: both of one moment."""
        with self.database() as connection:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            in_production = [number for (number,) in connection.execute(IN_PRODUCTION, [model]).fetchall()]
            return in_production, connection.execute(MOVES, [model]).fetchall()


@pytest.fixture
def site():
    folder = Path(tempfile.mkdtemp(dir=os.environ["CRYPTOML_HOME"]))
    folder.chmod(0o711)  # Postgres runs as another user when root tests
    with KilledSite(Home(folder / "home")) as site:
        yield site
    shutil.rmtree(folder)
    shutil.rmtree(site.home.sockets, ignore_errors=True)


def judge(site):
    """One version answers, the newest move says which, and each move left what the one before had put there."""
    for model in VERBS:
        in_production, moves = site.look(model)
        assert in_production == [moves[-1][1]]
        assert [after for before, after in pairwise(moves) if after[0] != before[1]] == []


def seconds_a_move(site):
    """On this machine, as busy as it is."""
    moving, before, began = site.begin("promote"), len(site.look("promote")[1]), time.monotonic()
    wait_for(lambda: len(site.look("promote")[1]) >= before + 5)
    took = (time.monotonic() - began) / 5
    site.end(moving)
    return took


def kill_at_random_points(site, points):
    """Half of them the process that moves, half of them Postgres below it, which the process outlives."""
    longest = 4 * seconds_a_move(site)
    before = sum(len(site.look(model)[1]) for model in VERBS)
    for point in range(points // 2):
        moving = site.begin(VERBS[point % 2])
        time.sleep(random.uniform(0, longest))
        site.kill(site.postgres)
        site.start(site.postgres)
        judge(site)
        time.sleep(random.uniform(0, longest))
        site.end(moving)
        judge(site)
    assert sum(len(site.look(model)[1]) for model in VERBS) > before + points / 4, "versions hardly moved"


def test_a_kill_in_the_middle_of_a_promotion_leaves_one_version_in_production(site):
    kill_at_random_points(site, 10)


@pytest.mark.long
def test_three_hundred_kills_leave_one_version_in_production(site):
    kill_at_random_points(site, 300)
