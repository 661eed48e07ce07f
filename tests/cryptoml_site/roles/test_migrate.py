"""`migrate` as the role that owns the tables: what it leaves, and what it says to everybody else."""

from contextlib import ExitStack

import environ
import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from cryptoml_site.checked_env import CheckedEnv
from cryptoml_site.errors import Refused
from cryptoml_site.grants import grant_to_application

pytestmark = pytest.mark.xdist_group("roles")

RIGHTS = (
    "SELECT relname, relowner::regrole::text, coalesce(relacl, acldefault('r', relowner))::text[] FROM pg_class"
    " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S') ORDER BY 1",
    "SELECT attrelid::regclass::text, attname, attacl::text[] FROM pg_attribute"
    " WHERE attacl <> '{}' AND attrelid > 16384 ORDER BY 1, 2",
    "SELECT proname, coalesce(proacl, acldefault('f', proowner))::text[] FROM pg_proc"
    " WHERE pronamespace = 'public'::regnamespace ORDER BY 1",
    "SELECT nspacl::text[] FROM pg_namespace WHERE nspname = 'public'",
    "SELECT datacl::text[] FROM pg_database WHERE datname = current_database()",
)


def rights(by_owner):
    """Who may do what; in no order within one thing."""
    found = [by_owner.execute(question).fetchall() for question in RIGHTS]
    return [[tuple(set(fact) if isinstance(fact, list) else fact for fact in row) for row in rows] for rows in found]


@pytest.fixture
def migrate(two_roles, as_application):
    """migrate(*arguments, owner=ROLE) in this process, as `manage.py` does it with both URLs, or with one."""

    def run(*arguments, owner=None):
        named = environ.Env.db_url_config(two_roles.url(owner)) if owner else None
        with override_settings(MIGRATE_DATABASE=named):
            call_command("migrate", *arguments, verbosity=0)

    return run


@pytest.fixture
def lent(two_roles):
    """lent(STATEMENT, UNDO): done by the superuser, and undone after the test."""
    roles = {
        name: sql.Identifier(getattr(two_roles, name)) for name in ("owner", "application", "stranger", "database")
    }
    with two_roles.server.as_superuser(two_roles.database) as admin, ExitStack() as afterwards:

        def lend(statement, undo):
            afterwards.callback(admin.execute, sql.SQL(undo).format(**roles))
            admin.execute(sql.SQL(statement).format(**roles))

        yield lend


def test_the_application_keeps_its_connection(two_roles, migrate):
    migrate(owner=two_roles.owner)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (two_roles.application,)


def test_a_second_migrate_changes_no_rights(two_roles, migrate, by_owner):
    before = rights(by_owner)
    migrate(owner=two_roles.owner)
    assert rights(by_owner) == before


@pytest.mark.parametrize(
    "statement",
    [
        "GRANT ALL ON registry_deployment, django_migrations, predictions_prediction_default TO {application}",
        "GRANT UPDATE (reason) ON registry_deployment TO {application}",
        "GRANT ALL ON auth_user TO {application}",
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {application}",
        "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM {application}",
        "GRANT EXECUTE ON FUNCTION predictions_make_partition(date), predictions_drop_partition(date) TO PUBLIC",
        "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {application}",
        "GRANT CREATE ON SCHEMA public TO {application}, PUBLIC",
        "GRANT CREATE ON DATABASE {database} TO {application}",
    ],
)
def test_migrate_puts_the_rights_right(statement, two_roles, lent, by_owner):
    before = rights(by_owner)
    lent(statement, "SELECT")
    assert rights(by_owner) != before
    grant_to_application(by_owner, two_roles.application)
    assert rights(by_owner) == before


def test_a_view_of_the_ledger_is_read_only(two_roles, application, by_owner):
    by_owner.execute("CREATE VIEW newest AS SELECT * FROM registry_deployment")
    try:
        grant_to_application(by_owner, two_roles.application)
        assert application.execute("SELECT count(*) > 1 FROM newest").fetchone() == (True,)
        with pytest.raises(InsufficientPrivilege):
            application.execute("UPDATE newest SET reason = 'never'")
    finally:
        by_owner.execute("DROP VIEW newest")


@pytest.mark.parametrize(
    ("statement", "undo", "way"),
    [
        ("ALTER ROLE {stranger} SUPERUSER", "ALTER ROLE {stranger} NOSUPERUSER", "UPDATE, DELETE, TRUNCATE"),
        ("GRANT {owner} TO {stranger} WITH INHERIT FALSE", "REVOKE {owner} FROM {stranger}", "SET ROLE to its owner"),
        ("GRANT pg_write_all_data TO {stranger}", "REVOKE pg_write_all_data FROM {stranger}", "UPDATE, DELETE"),
        (
            "GRANT TRUNCATE ON registry_deployment TO PUBLIC",
            "REVOKE ALL ON registry_deployment FROM PUBLIC",
            "TRUNCATE",
        ),
        (
            "ALTER DATABASE {database} OWNER TO {stranger}",
            "ALTER DATABASE {database} OWNER TO {owner}",
            "CREATE in the",
        ),
    ],
)
def test_a_role_that_could_change_the_ledger_all_the_same_is_refused(statement, undo, way, two_roles, lent, by_owner):
    lent(statement, undo)
    with pytest.raises(Refused, match=rf"keeps ways to change the ledger \(.*{way}"):
        grant_to_application(by_owner, two_roles.stranger)


def test_a_role_that_is_not_there_is_named(by_owner):
    with pytest.raises(Refused, match=r"there is no role 'nobody', which DATABASE_URL names"):
        grant_to_application(by_owner, "nobody")


def test_who_may_not_migrate_is_told_what_to_set(two_roles, migrate, application):
    migrate("predictions", "0008", owner=two_roles.owner)
    assert application.execute("SELECT to_regprocedure('predictions_drop_partition(date)')").fetchone() == (None,)
    told = two_roles.manage("migrate", "predictions", "0009")
    assert (told.returncode, told.stderr.count("\n")) == (1, 1)
    assert f"for '{two_roles.owner}' owns the tables: set MIGRATE_DATABASE_URL to that role's URL" in told.stderr
    with pytest.raises(Refused, match=rf'as a superuser, REASSIGN OWNED BY "{two_roles.owner}" TO'):
        migrate("predictions", "0009", owner=two_roles.stranger)
    migrate(owner=two_roles.owner)
    assert application.execute("SELECT predictions_drop_partition('2001-01-01')").fetchone() == (False,)


def test_the_application_may_ask_what_is_applied_and_migrate_nothing(migrate):
    for arguments in (["--check"], ["--plan"], []):
        migrate(*arguments)


def test_the_embedded_postgres_has_an_owner_and_one_url_alone_has_none():
    def owner(**variables):
        return CheckedEnv(variables).owner(
            "MIGRATE_DATABASE_URL", of="DATABASE_URL", default=settings.EMBEDDED.owner_url
        )

    site, boss = "postgres://site:s@db/x", "postgres://boss:s@db/x"
    assert owner()["USER"] == "cryptoml_owner"
    assert owner(DATABASE_URL=site) is None
    assert owner(DATABASE_URL=site, MIGRATE_DATABASE_URL="") is None
    assert owner(DATABASE_URL=site, MIGRATE_DATABASE_URL=boss)["USER"] == "boss"
    with pytest.raises(ImproperlyConfigured, match="MIGRATE_DATABASE_URL is set and DATABASE_URL is not: set both"):
        owner(MIGRATE_DATABASE_URL=boss)
    with pytest.raises(ImproperlyConfigured, match="MIGRATE_DATABASE_URL and DATABASE_URL name the same role"):
        owner(DATABASE_URL=site, MIGRATE_DATABASE_URL=site)
    with pytest.raises(ImproperlyConfigured, match="MIGRATE_DATABASE_URL names no Postgres"):
        owner(DATABASE_URL=site, MIGRATE_DATABASE_URL="sqlite:///x")
