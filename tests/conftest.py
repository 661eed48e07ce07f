"""One Postgres and one Valkey for a whole run of the tests, below a folder of its own, never those of an `up`.

They start with the first test that asks for them, in whichever process that is, and the last process to end stops them,
so that neither Ctrl-C nor kill -9 leaves any behind.
"""

import os
import shutil
import tempfile
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import django
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import TransactionTestCase
from hypothesis import settings as hypothesis_settings

from cryptoml_site.embedded.commands import embedded_servers, using
from cryptoml_site.embedded.home import Home
from cryptoml_site.embedded.lock import FileLock
from cryptoml_site.embedded.postgres import Postgres

HOMES = "cryptoml-tests-"
MIGRATED = "migrated"  # a schema


def home_of_this_run() -> Path:
    """A new folder, which the workers of pytest-xdist inherit; those of killed runs are swept away."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return Path(os.environ["CRYPTOML_HOME"])
    for left_over in Path(tempfile.gettempdir()).glob(f"{HOMES}*"):
        with suppress(OSError):  # somebody else's, or just swept by another run
            old = time.time() - left_over.stat().st_mtime > 60  # a younger one may be about to be locked
            if old and run_lock(left_over).exclusive(wait=False):
                remove(left_over)
    home = Path(tempfile.mkdtemp(prefix=HOMES))
    home.chmod(0o711)  # Postgres runs as another user when root tests
    return home


def remove(home: Path) -> None:
    shutil.rmtree(Home(home).sockets, ignore_errors=True)
    shutil.rmtree(home)


def run_lock(home: Path) -> FileLock:
    """Held by pytest for as long as its folder is needed."""
    return FileLock(home / "pytest.lock")


HOME = home_of_this_run()
RUN = run_lock(HOME)
RUN.shared()
(HOME / "static").mkdir(exist_ok=True)  # as `collectstatic` leaves it: the web process warns where it is absent
os.environ["CRYPTOML_HOME"] = str(HOME)
os.environ["DJANGO_SETTINGS_MODULE"] = "cryptoml_site.settings"
os.environ["COINGECKO_URL"] = "http://127.0.0.1:9/api/v3"  # where nobody listens: no test asks the real one
django.setup()
settings.MIGRATE_DATABASE = None  # the role of the tests makes its databases, so it owns them
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a good one takes a third of a second

hypothesis_settings.register_profile("no deadline", deadline=None)  # a busy machine is no bug
hypothesis_settings.load_profile("no deadline")

from predictions import log  # noqa: E402  # a module with models


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        remove(HOME)


@pytest.fixture(scope="session")
def servers():
    """Postgres and Valkey, those of DATABASE_URL and REDIS_URL where these are set."""
    embedded = embedded_servers()
    with using(embedded, say=print):
        for server in embedded:
            if isinstance(server, Postgres):
                let_the_role_test(server)
        yield


def let_the_role_test(server: Postgres) -> None:
    """It makes test databases, and may lift the ledger's refusal where `flush_past_the_ledger` does."""
    with server.as_superuser() as connection:
        connection.execute("SELECT pg_advisory_lock(1)")  # workers that alter one role at once are refused
        connection.execute("ALTER ROLE cryptoml CREATEDB")
        connection.execute("GRANT SET ON PARAMETER session_replication_role TO cryptoml")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(servers, django_db_modify_db_settings):
    """Every test that uses the database has the servers up."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """With a copy of the rows that migrations leave: content types, permissions, groups, schedules, rules."""
    with django_db_blocker.unblock(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {MIGRATED}")
        for table in filled(cursor):
            cursor.execute(f"CREATE TABLE {MIGRATED}.{quoted(table)} AS TABLE {quoted(table)}")


@pytest.fixture(scope="session", autouse=True)
def flush_past_the_ledger():
    """A transactional test leaves the rows that migrations left, and none of its own.

    Django's flush truncates every table, which the ledger refuses, and has all permissions made anew, in half a second.
    `SET LOCAL` ends with this flush's own transaction, so no test ever runs without the refusal.
    """

    def flush(case):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(f"LOCK TABLE {', '.join(map(quoted, tables()))} IN SHARE ROW EXCLUSIVE MODE")
            for table in filled(cursor):
                cursor.execute(f"DELETE FROM {quoted(table)}")  # noqa: S608
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [MIGRATED])
            for (table,) in cursor.fetchall():
                cursor.execute(f"INSERT INTO {quoted(table)} TABLE {MIGRATED}.{quoted(table)}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", flush)
        yield


def tables():
    return sorted(connection.introspection.django_table_names(only_existing=True, include_views=False))


def filled(cursor):
    """Tables that have a row."""
    asked = (f"SELECT '{table}' WHERE EXISTS (SELECT FROM {quoted(table)})" for table in tables())  # noqa: S608
    cursor.execute(" UNION ALL ".join(asked))
    return [table for (table,) in cursor.fetchall()]


def quoted(table):
    return connection.ops.quote_name(table)


@pytest.fixture(autouse=True)
def _bundles_of_its_own(settings, tmp_path):
    """Bundles are named by their content, so a test that alters one would alter another test's."""
    bundles = {**settings.STORAGES["bundles"], "OPTIONS": {"location": tmp_path / "bundles"}}
    settings.STORAGES = {**settings.STORAGES, "bundles": bundles}


@pytest.fixture(autouse=True)
def _log_in_the_tests_own_transaction(monkeypatch):
    """The writer's thread has a connection of its own, whose rows would outlive the test."""

    def write(answers):
        log.copy([answers])
        return log.Durability.POSTGRES

    monkeypatch.setattr(log, "write", write)


@pytest.fixture
def set_clock(settings, tmp_path):
    """Drives `now()`: set_clock("2026-11-23T10:00:00Z")."""
    settings.CLOCK_FILE = str(tmp_path / "clock")

    def set_to(moment):
        (tmp_path / "clock").write_text(datetime.fromisoformat(moment).isoformat())

    set_to("2026-11-23T10:00:00Z")
    return set_to


@pytest.fixture
def admin_user(db, django_user_model):
    """Without a password: hashing one takes most of a second, and the clients here are signed in without."""
    return django_user_model.objects.create_superuser("admin")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real candles."""
    folder = settings.CRYPTOML_DATA_DIR
    if folder is None:
        pytest.skip("CRYPTOML_DATA_DIR is unset: no real candles to test with")
    return Path(folder)
