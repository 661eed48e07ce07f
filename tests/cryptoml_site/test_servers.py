"""The servers themselves: what they are, and what keeps them from starting."""

import os
import shutil
import subprocess
from types import SimpleNamespace

import psutil
import pytest
from django.db import connection

from cryptoml_site.embedded import folders
from cryptoml_site.embedded.errors import ServersUnavailable
from cryptoml_site.embedded.home import Home
from cryptoml_site.embedded.postgres import Postgres
from cryptoml_site.embedded.server import running
from cryptoml_site.embedded.valkey import Valkey
from cryptoml_site.embedded.wheels import postgres_installation

BOTH = pytest.mark.parametrize("kind", [Postgres, Valkey])


def quietly(line):
    """What a server says to its user while it is prepared."""


def test_the_site_is_an_ordinary_role_that_owns_its_database(home):
    server = Postgres(home)
    with running(server, quietly), server.as_superuser() as admin:
        role = admin.execute("SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = 'cryptoml'")
        assert role.fetchone() == (False, False, False)
        owner = admin.execute("SELECT datdba::regrole::text FROM pg_database WHERE datname = 'cryptoml'")
        assert owner.fetchone() == ("cryptoml",)


@pytest.mark.django_db
def test_nothing_that_was_committed_is_lost_to_a_power_cut():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
        assert cursor.fetchone() == ("on", "on")


@BOTH
def test_a_server_listens_on_its_socket_alone(home, kind):
    with running(kind(home), quietly) as process:
        assert psutil.Process(process.pid).net_connections("inet") == []
        assert kind(home).serves()
        assert home.sockets.stat().st_mode & 0o077 == 0


@BOTH
def test_a_server_that_an_earlier_run_left_is_ended(home, kind):
    first = kind(home).prepare(quietly)
    with subprocess.Popen(first, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as left_over:
        while not kind(home).accepts():
            assert left_over.poll() is None
        with running(kind(home), quietly):
            assert left_over.wait() == 0


def test_the_server_of_a_home_that_was_copied_is_left_alone(home):
    copy = Home(home.path.with_name("copy"))
    with running(Postgres(home), quietly) as original:
        copy.postgres.mkdir(parents=True)
        shutil.copy(home.postgres / "postmaster.pid", copy.postgres)
        Postgres(copy).stop_left_over()
        assert original.poll() is None


def test_data_of_another_version_is_refused_in_one_sentence(home):
    home.postgres.mkdir(parents=True)
    (home.postgres / "PG_VERSION").write_text("16\n")
    with pytest.raises(ServersUnavailable, match=r"was made by Postgres 16 and this is 18"):
        Postgres(home).prepare(quietly)
    shutil.rmtree(home.postgres)


def test_a_server_that_does_not_come_up_is_refused_with_the_end_of_its_log(home):
    Postgres(home).prepare(quietly)
    (home.postgres / "postgresql.conf").write_text("nonsense = 1\n")
    with (
        pytest.raises(ServersUnavailable, match=r"did not come up; its log ends with: .*nonsense"),
        running(Postgres(home), quietly),
    ):
        pass


@BOTH
def test_a_disk_that_is_nearly_full_is_refused_in_one_sentence(home, kind, monkeypatch):
    monkeypatch.setattr(folders.shutil, "disk_usage", lambda path: SimpleNamespace(free=1_000_000))
    with pytest.raises(ServersUnavailable, match=r"Less than 300 MB are free on the disk of"):
        kind(home).prepare(quietly)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_refused_in_one_sentence(home):
    home.path.mkdir(mode=0o500)
    with pytest.raises(ServersUnavailable, match=r"No write permission in"):
        Postgres(home).prepare(quietly)


@pytest.mark.skipif(os.getuid() != 0, reason="another's folder needs another user")
def test_a_socket_folder_of_somebody_else_is_refused(home):
    home.sockets.mkdir(mode=0o700, parents=True)
    os.chown(home.sockets, 12345, 12345)
    with pytest.raises(ServersUnavailable, match=r"belongs to somebody else"):
        Valkey(home).prepare(quietly)


def test_without_the_wheel_one_sentence_names_the_way_out(monkeypatch):
    monkeypatch.setattr("cryptoml_site.embedded.wheels.find_spec", lambda package: None)
    with pytest.raises(ServersUnavailable, match=r"DATABASE_URL is not set and .* set DATABASE_URL, or install"):
        postgres_installation()
