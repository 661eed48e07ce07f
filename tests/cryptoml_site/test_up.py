import json
import signal
import socket
import stat
import subprocess
import sys
import urllib.request

import psutil
import pytest

from cryptoml_site.embedded.errors import ServersUnavailable
from cryptoml_site.embedded.home import SITE
from cryptoml_site.embedded.postgres import Postgres
from cryptoml_site.embedded.valkey import Valkey
from cryptoml_site.embedded.web import refuse_taken_port
from tests.cryptoml_site.conftest import command_line, ended, eventually, processes_of


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def up(home, port):
    """Start `up` at that home and port, with a site that only says 200."""
    started = []

    def start(*, seconds=0):
        command = [sys.executable, "-m", "tests.cryptoml_site.stub_up", str(home.path), str(port), str(seconds)]
        process = subprocess.Popen(command, cwd=SITE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def is_open(home, process):
    """up.json is there and tells of this process."""
    return eventually(lambda: home.up_json.exists() and json.loads(home.up_json.read_text())["pid"] == process.pid)


def await_preparation(process):
    """The servers are up, nothing is ready."""
    assert "preparing\n" in iter(process.stdout.readline, "")


def children(process, word):
    """The descendants of `up` with that word in their command, directly below it or below supervisord."""
    supervisord = psutil.Process(process.pid).children()
    return [each for each in [*supervisord, *supervisord[0].children()] if word in command_line(each)]


def workers(process):
    return [worker for granian in children(process, "granian") for worker in granian.children()]


def answers(port):
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).status == 200
    except OSError:
        return False


def test_up_json_is_complete_and_private_and_goes_with_up(home, port, up):
    running = up()
    assert is_open(home, running)
    told = json.loads(home.up_json.read_text())
    admin = {"username": "admin", "password": "open"}
    expected = {"base_url": f"http://127.0.0.1:{port}", "live_url": None, "admin": admin, "api_key": "key"}
    assert told == {**expected, "pid": running.pid}
    assert stat.S_IMODE(home.up_json.stat().st_mode) == 0o600
    running.send_signal(signal.SIGTERM)
    assert (running.wait(), home.up_json.exists(), processes_of(home)) == (0, False, [])


def test_a_second_up_says_where_the_first_is(home, port, up):
    first = up(seconds=60)
    await_preparation(first)
    second = up()
    _, said = second.communicate()
    assert (second.returncode, said) == (1, f"CryptoML runs already: http://127.0.0.1:{port}, pid {first.pid}.\n")


def test_a_command_uses_the_servers_of_an_up_and_leaves_them(home, up, command):
    running = up(seconds=60)
    await_preparation(running)
    asked = command("shell", "-v0", "-c", "from django.db import connection as c; c.cursor(); print('connected')")
    assert asked.communicate() == ("connected\n", "")
    assert Postgres(home).serves()


def test_a_signal_during_the_preparation_leaves_nothing(home, up):
    preparing = up(seconds=60)
    await_preparation(preparing)
    preparing.send_signal(signal.SIGINT)
    preparing.send_signal(signal.SIGTERM)
    _, said = preparing.communicate()
    assert (preparing.returncode, said, processes_of(home)) == (0, "", [])


@pytest.mark.long
def test_when_supervisord_is_killed_up_says_so_and_leaves_nothing(home, up):
    running = up()
    assert is_open(home, running)
    children(running, "supervisord")[0].kill()
    _, said = running.communicate()
    assert (running.returncode, said.count("\n"), processes_of(home)) == (1, 1, [])
    assert "supervisord" in said
    assert not home.up_json.exists()


@pytest.mark.long
def test_an_up_after_a_killed_one_starts_cleanly(home, up):
    killed = up()
    assert is_open(home, killed)
    killed.kill()
    assert is_open(home, up())


def test_a_taken_port_is_said_with_a_way_out():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServersUnavailable, match=rf"Port {port} is taken .* PORT={port + 1} make up"):
            refuse_taken_port(port)


@pytest.mark.long
@pytest.mark.parametrize("word", ["bin/postgres", "valkey-server", "granian"])
def test_a_child_that_is_killed_is_back_within_5_s(home, port, up, word):
    running = up()
    assert is_open(home, running)
    [victim] = children(running, word)
    orphans = victim.children()
    victim.kill()
    assert eventually(lambda: children(running, word) not in ([], [victim]), seconds=5)
    assert eventually(lambda: Postgres(home).serves() and Valkey(home).serves() and answers(port), seconds=5)
    assert all(ended(orphan) for orphan in orphans)


@pytest.mark.long
def test_workers_that_are_killed_again_and_again_are_back_within_5_s(home, port, up):
    running = up()
    assert is_open(home, running)
    for _ in range(3):
        killed = workers(running)
        for worker in killed:
            worker.kill()
        assert eventually(lambda: len(set(workers(running)) - set(killed)) == 2 and answers(port), seconds=5)  # noqa: B023


@pytest.mark.long
@pytest.mark.parametrize("name", ["#1, 50% \"a\" 'b'; c", "ünï", "long" * 30])
def test_any_name_of_a_home_will_do(home, up, name):
    object.__setattr__(home, "path", home.path.with_name(name))
    assert is_open(home, up())
