import os
from pathlib import Path

import environ
import pytest
from redis import ConnectionPool

from cryptoml_site.embedded.home import Home


@pytest.fixture(autouse=True)
def ordinary_user(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 1000)


def test_database_url_reads_back_as_the_socket_folder():
    read = environ.Env.db_url_config(Home(Path("/srv/Some-home_1")).database_url)
    assert (read["HOST"], read["PORT"]) == ("/srv/Some-home_1/run", 5432)
    assert (read["USER"], read["NAME"], read["PASSWORD"]) == ("cryptoml", "cryptoml", "")


def test_redis_url_reads_back_as_the_socket():
    pool = ConnectionPool.from_url(Home(Path("/srv/Some-home_1")).redis_url)
    assert (pool.connection_kwargs["path"], pool.connection_kwargs["db"]) == ("/srv/Some-home_1/run/valkey.sock", 0)


@pytest.mark.parametrize("path", ["/srv/" + "long/" * 20, "/srv/a, b", "/srv/hémi", "/srv/50%"])
def test_a_path_that_a_socket_cannot_have_gets_a_short_folder_of_its_own(path):
    sockets = Home(Path(path)).sockets
    assert sockets.name.startswith("cryptoml-1000-")
    assert sockets == Home(Path(path)).sockets != Home(Path(path + "x")).sockets


def test_no_socket_has_a_longer_path_than_any_system_takes():
    for length in range(120):
        home = Home(Path("/" + "h" * length))
        assert max(len(str(home.sockets / name)) for name in (".s.PGSQL.5432.lock", "supervisord.sock")) <= 103


def test_root_keeps_its_sockets_outside_a_home_that_may_be_closed(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert Home(Path("/root/var")).sockets.name.startswith("cryptoml-0-")
