"""Root's detour around what Postgres' own user cannot reach."""

import os
import shutil

import pytest

from cryptoml_site.embedded import account
from cryptoml_site.embedded.postgres import Postgres
from cryptoml_site.embedded.server import running
from cryptoml_site.embedded.wheels import postgres_installation

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root has a user to run Postgres as")


@pytest.fixture(autouse=True)
def shared(home, monkeypatch):
    """Stands for /var/lib/cryptoml."""
    shared = home.path.parent / "shared"
    monkeypatch.setattr(account, "SHARED", shared)
    return shared


def test_postgres_does_not_run_as_root(home):
    with running(Postgres(home), say=print) as process:
        assert account.server_account().pw_uid == os.stat(f"/proc/{process.pid}").st_uid != 0


def test_a_closed_home_stays_closed_and_its_data_lies_outside(home, shared):
    home.path.mkdir(mode=0o700)
    said = []
    with running(Postgres(home), said.append):
        assert home.postgres.resolve().is_relative_to(shared)
        assert home.path.stat().st_mode & 0o777 == 0o700
    assert len(said) == 1
    assert Postgres(home).prepare(said.append)
    assert len(said) == 1


def test_a_home_that_was_deleted_leaves_nothing_to_its_successor(home):
    home.path.mkdir(mode=0o700)
    first = account.reachable_data(home, print)
    shutil.rmtree(home.path)
    home.path.mkdir(mode=0o700)
    assert account.reachable_data(home, print) != first


def test_programs_behind_a_closed_folder_are_copied_and_run(home, shared, monkeypatch):
    may = account._may
    monkeypatch.setattr(account, "_may", lambda *command: False)
    copy = account.reachable_installation(postgres_installation(), print)
    assert copy.is_relative_to(shared)
    assert may(account.server_account(), copy / "bin" / "initdb", "--version")
