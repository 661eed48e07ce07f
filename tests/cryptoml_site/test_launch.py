import os
import subprocess
import sys

import psutil
import pytest

from cryptoml_site.embedded.launch import PARENT, die_with_parent, environment, launched
from tests.cryptoml_site.conftest import ended, eventually

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
PARENT_OF_A_SLEEPER = """
import subprocess, sys
from cryptoml_site.embedded.launch import environment, launched
child = subprocess.Popen(launched(["sleep", "60"]), env=environment())
print(child.pid, flush=True)
sys.stdin.read()
"""
PARENT_OF_A_WORKER = """
import multiprocessing, sys, time
from cryptoml_site.embedded.launch import die_with_parent
def work(told):
    die_with_parent()
    told.set()
    time.sleep(60)
told = multiprocessing.Event()
worker = multiprocessing.Process(target=work, args=[told])
worker.start()
told.wait()
print(worker.pid, flush=True)
sys.stdin.read()
"""


@LINUX
@pytest.mark.parametrize("script", [PARENT_OF_A_SLEEPER, PARENT_OF_A_WORKER])
def test_a_child_ends_when_its_parent_is_killed(script):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", script], **pipes) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    assert eventually(lambda: ended(child))


def test_a_child_whose_parent_ended_before_it_could_ask_does_not_start():
    orphan = subprocess.run(launched(["echo", "started"]), env={**os.environ, PARENT: "1"}, capture_output=True)
    assert (orphan.returncode, orphan.stdout) == (1, b"")


def test_a_launched_program_is_told_its_own_pid_for_its_children():
    script = "import os; print(os.environ['CRYPTOML_PARENT'] == str(os.getpid()))"
    done = subprocess.run(launched([sys.executable, "-c", script]), env=environment(), capture_output=True)
    assert done.stdout == b"True\n"


def test_outside_a_forked_worker_nothing_is_asked_for(monkeypatch):
    monkeypatch.setattr("cryptoml_site.embedded.launch._die_with", None)
    die_with_parent()
