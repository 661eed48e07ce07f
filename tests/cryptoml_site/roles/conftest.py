"""A database whose tables one role owns and migrates, for another role that is the application's."""

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import override_settings
from psycopg import sql

from cryptoml_site.embedded.commands import embedded_servers
from cryptoml_site.embedded.home import PORT, SITE
from cryptoml_site.embedded.postgres import Postgres
from tests.factories import make_version


@dataclass(frozen=True)
class TwoRoles:
    """Everything is named after the database: its owner, its application."""

    server: Postgres
    database: str

    @property
    def owner(self):
        return f"{self.database}_owner"

    @property
    def application(self):
        return f"{self.database}_application"

    @property
    def stranger(self):
        """May log in, and nothing else."""
        return f"{self.database}_stranger"

    def url(self, role):
        return f"postgres://{role}@:{PORT}/{quote(str(self.server.home.sockets), safe='')}/{self.database}"

    def connect(self, role):
        host = str(self.server.home.sockets)
        return psycopg.connect(host=host, port=PORT, user=role, dbname=self.database, autocommit=True)

    def manage(self, *arguments, application=None, owner=None):
        """`manage.py ARGUMENT...` by the application's role, and the owner's where one is named."""
        urls = {"DATABASE_URL": self.url(application or self.application)}
        if owner:
            urls["MIGRATE_DATABASE_URL"] = self.url(owner)
        command = [sys.executable, str(SITE / "manage.py"), *arguments]
        return subprocess.run(command, env=os.environ | urls, capture_output=True, text=True, timeout=120)

    def make(self):
        with self.server.as_superuser() as admin:
            for role in (self.owner, self.application, self.stranger):
                admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
            names = map(sql.Identifier, (self.database, self.owner))
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))

    def drop(self):
        with self.server.as_superuser() as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self.database)))
            for role in (self.owner, self.application, self.stranger):
                admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))

    @contextmanager
    def as_application(self):
        """Django's connection is the application's."""
        facts, before = connection.settings_dict, dict(connection.settings_dict)
        connection.close()
        facts.update(NAME=self.database, USER=self.application)
        try:
            yield
        finally:
            connection.close()
            facts.update(before)
            ContentType.objects.clear_cache()  # its numbers are this database's


@pytest.fixture(scope="session")
def two_roles(servers):
    """Migrated as an operator does it."""
    for server in embedded_servers():
        if isinstance(server, Postgres):
            roles = TwoRoles(server, f"roles_{os.getpid()}")
            break
    else:
        pytest.skip("roles are made by the superuser of the embedded Postgres")
    roles.make()
    try:
        migrated = roles.manage("migrate", owner=roles.owner)
        assert migrated.returncode == 0, migrated.stderr
        yield roles
    finally:
        roles.drop()


@pytest.fixture(scope="session")
def ledger(two_roles, django_db_blocker, tmp_path_factory):
    """Two rows, which a promotion by the application's role left."""
    location = {"location": tmp_path_factory.mktemp("bundles")}
    bundles = {**settings.STORAGES["bundles"], "OPTIONS": location}
    with (
        override_settings(STORAGES={**settings.STORAGES, "bundles": bundles}),
        django_db_blocker.unblock(),
        two_roles.as_application(),
    ):
        make_version().promote(actor="user:operator", reason="better")


@pytest.fixture
def application(two_roles, ledger):
    """A connection of the application's role, in autocommit."""
    with two_roles.connect(two_roles.application) as opened:
        yield opened


@pytest.fixture
def as_application(two_roles, ledger, django_db_blocker):
    """The site itself, in the application's role."""
    with django_db_blocker.unblock(), two_roles.as_application():
        yield


@pytest.fixture(scope="session")
def by_owner(two_roles):
    """A connection of the role that owns the tables, in autocommit."""
    with two_roles.connect(two_roles.owner) as opened:
        yield opened
