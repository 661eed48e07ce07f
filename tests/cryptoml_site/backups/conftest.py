"""Two sites on one server: one that is backed up, and an empty one."""

import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import environ
import pytest
from django.conf import settings
from django.test import override_settings
from psycopg import sql

from cryptoml_site.backups.making import make_backup
from cryptoml_site.backups.restoring import restore
from cryptoml_site.clock import now
from cryptoml_site.embedded.commands import embedded_servers
from cryptoml_site.embedded.postgres import Postgres
from predictions.models import ApiKey, Prediction
from predictions.partitions import ensure_partitions
from tests.cryptoml_site.roles.conftest import TwoRoles
from tests.factories import make_market, make_prediction, make_version
from training.models import Outcome

TABLES = """
SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1
"""


@dataclass(frozen=True)
class OneSite:
    """A database with two roles, and a home with its bundles."""

    roles: TwoRoles
    home: Path
    blocker: object
    said: list = field(default_factory=list)

    @contextmanager
    def ours(self, **more):
        """This process is this site's."""
        owner = environ.Env.db_url_config(self.roles.url(self.roles.owner))
        bundles = {**settings.STORAGES["bundles"], "OPTIONS": {"location": self.home / "bundles"}}
        places = {"SPOOL_DIR": self.home / "spool", "STATE_DIR": self.home / "state", "CRYPTOML_HOME": self.home}
        storages = {**settings.STORAGES, "bundles": bundles}
        with (
            override_settings(**{"MIGRATE_DATABASE": owner, "STORAGES": storages, **places, **more}),
            self.blocker.unblock(),
            self.roles.as_application(),
        ):
            yield

    def backup(self, target, *, with_log=True, **options):
        with self.ours():
            return make_backup(target, with_log=with_log, **options)

    def restore(self, path, *, replace=False, typed=""):
        with self.ours():
            return restore(path, replace=replace, confirm=lambda _: typed, say=self.said.append)

    def contents(self):
        """Count and hash of every table's rows, but for what `migrate` writes anew."""
        with self.roles.connect(self.roles.owner) as connection:
            tables = [name for (name,) in connection.execute(TABLES).fetchall()]
            return {table: connection.execute(_hash_of(table)).fetchone() for table in tables}

    def files(self):
        return sorted(path.name for path in (self.home / "bundles").rglob("*") if path.is_file())

    def environment(self):
        named = {"DATABASE_URL": self.roles.url(self.roles.application), "CRYPTOML_HOME": str(self.home)}
        return {**os.environ, **named, "MIGRATE_DATABASE_URL": self.roles.url(self.roles.owner)}


def _hash_of(table):
    named = sql.Identifier("public", table)
    return sql.SQL("SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM {} AS t").format(named)


@contextmanager
def site(folder, blocker):
    for server in embedded_servers():
        if isinstance(server, Postgres):
            roles = TwoRoles(server, f"backup_{secrets.token_hex(4)}")
            break
    else:
        pytest.skip("roles are made by the superuser of the embedded Postgres")
    roles.make()
    try:
        yield OneSite(roles, folder, blocker)
    finally:
        roles.drop()


@pytest.fixture(scope="module")
def full(servers, django_db_blocker, tmp_path_factory):
    """Versions, a ledger with a rollback, answers, outcomes, a key."""
    with site(tmp_path_factory.mktemp("full"), django_db_blocker) as made:
        migrated = made.roles.manage("migrate", owner=made.roles.owner)
        assert migrated.returncode == 0, migrated.stderr
        with made.ours():
            fill()
        yield made


def fill():
    ensure_partitions(months_ahead=1)
    at = now()
    market = make_market(newest=at)
    first, second, third = (make_version(probability_up=up) for up in (0.75, 0.65, 0.55))
    first.promote(actor="user:operator", reason="first")
    second.promote(actor="user:operator", reason="better")
    first.model.rollback(actor="user:operator", reason="it was not")
    third.to_archive(actor="user:operator", reason="not wanted")
    for place in range(30):
        made_at = at - timedelta(seconds=place)
        make_prediction(made_at=made_at, version=first, probability_up=0.75, generation=3)
    Outcome.objects.create(market=market, as_of=at, horizon=1, matures_at=at + 2 * market.step)
    ApiKey.objects.issue(name="kept", scopes=["predict"], created_by="user:operator")
    assert Prediction.objects.count() == 30


@pytest.fixture(scope="module")
def backup(full, tmp_path_factory):
    target = tmp_path_factory.mktemp("backup") / "site.tar"
    full.backup(target)
    return target


@pytest.fixture
def empty(servers, django_db_blocker, tmp_path):
    """A database without a table, and a home without a file."""
    with site(tmp_path / "empty", django_db_blocker) as made:
        made.home.mkdir()
        yield made
