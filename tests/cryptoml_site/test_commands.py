"""manage.py without DATABASE_URL has servers for as long as any command uses them."""

import psutil
import pytest

from cryptoml_site.embedded.commands import embedded_servers, needs_servers
from cryptoml_site.embedded.postgres import Postgres
from cryptoml_site.embedded.valkey import Valkey
from tests.cryptoml_site.conftest import command_line, eventually, processes_of

ASK = "from django.db import connection as c; k = c.cursor(); k.execute('SELECT 6 * 7'); print(k.fetchone()[0])"
WAIT = f"{ASK}; import sys; sys.stdout.flush(); input()"


def test_two_commands_share_servers_and_the_last_leaves_none(home, command):
    first, second = command("shell", "-v0", "-c", WAIT), command("shell", "-v0", "-c", WAIT)
    assert first.stdout.readline() == second.stdout.readline() == "42\n"
    first.communicate("\n")
    assert Postgres(home).serves()
    assert second.communicate("\n") == ("", "")
    assert not Postgres(home).serves()
    assert not Valkey(home).serves()


def test_commands_that_are_killed_leave_no_server(home, command):
    killed = [command("shell", "-v0", "-c", WAIT) for _ in range(2)]
    assert [each.stdout.readline() for each in killed] == ["42\n", "42\n"]
    for each in killed:
        each.kill()
    assert eventually(lambda: not processes_of(home))


@pytest.mark.long
def test_a_keeper_that_is_killed_takes_its_server_with_it(home, command):
    command("shell", "-v0", "-c", WAIT).stdout.readline()
    keepers = [process for process in psutil.process_iter() if f"keeper postgres {home.path}" in command_line(process)]
    for keeper in keepers:
        keeper.kill()
    assert len(keepers) == 1
    assert eventually(lambda: not Postgres(home).accepts())


def test_what_is_refused_is_one_sentence_and_status_1(home, command):
    home.path.write_text("a file")
    refused = command("showmigrations")
    _, errors = refused.communicate()
    assert (refused.returncode, errors.count("\n")) == (1, 1)
    assert "is no folder" in errors
    home.path.unlink()


@pytest.mark.parametrize("argv", ["", "help", "check", "migrate --help", "up", "spectacular --file x", "collectstatic"])
def test_commands_that_want_no_database_start_none(argv):
    assert not needs_servers(["manage.py", *argv.split()])


@pytest.mark.parametrize("argv", ["migrate", "shell", "makemigrations --check", "check --database default", "bench"])
def test_all_others_have_servers(argv):
    assert needs_servers(["manage.py", *argv.split()])


def test_only_what_no_url_names_is_embedded(settings, monkeypatch):
    home = settings.EMBEDDED
    monkeypatch.setitem(settings.DATABASES["default"], "HOST", str(home.sockets))
    settings.REDIS_URL = home.redis_url
    assert embedded_servers() == [Postgres(home), Valkey(home)]
    settings.REDIS_URL = "redis://elsewhere:6379/0"
    assert embedded_servers() == [Postgres(home)]
    monkeypatch.setitem(settings.DATABASES["default"], "HOST", "elsewhere")
    assert embedded_servers() == []
