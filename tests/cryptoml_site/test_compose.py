"""What docker-compose.yml promises of the two roles; no Docker engine runs here."""

import os
import subprocess

import psycopg
import pytest
import yaml
from psycopg import conninfo

from cryptoml_site.embedded.home import PORT, SITE
from cryptoml_site.embedded.postgres import Postgres
from cryptoml_site.embedded.server import running
from cryptoml_site.embedded.wheels import postgres_installation

COMPOSE = yaml.safe_load((SITE / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
SCRIPT = "deploy/postgres/roles.sql"


def environment(service):
    return SERVICES[service]["environment"]


def test_migrate_and_tools_alone_are_told_of_the_owner():
    """Not even by .env, which all of them read: what compose says itself comes before it."""
    told = [name for name in OURS if environment(name)["MIGRATE_DATABASE_URL"]]
    assert (told, [name for name in OURS if environment(name)["POSTGRES_OWNER_PASSWORD"]]) == (["migrate", "tools"], [])
    assert {"web", "worker", "trainer", "beat"} < set(OURS)


def test_both_urls_name_the_roles_that_the_script_makes():
    urls = [environment("migrate")[name] for name in ("DATABASE_URL", "MIGRATE_DATABASE_URL")]
    assert [url.partition("://")[2].partition(":")[0] for url in urls] == ["cryptoml", "cryptoml_owner"]
    assert len({url.partition("@")[2] for url in urls}) == 1
    assert f"./{SCRIPT}:/docker-entrypoint-initdb.d/roles.sql:ro" in SERVICES["db"]["volumes"]


@pytest.fixture
def empty_volume(home):
    """A Postgres without a database of ours, whose superuser came in with a password."""
    server = Postgres(home)
    with running(server, print), server.as_superuser() as admin:
        admin.execute("DROP DATABASE cryptoml")
        admin.execute("DROP ROLE cryptoml, cryptoml_owner")
        admin.execute("ALTER ROLE postgres PASSWORD 'first'")
        yield admin


def run_script(admin, **secrets):
    """As the image's entrypoint runs it."""
    facts = conninfo.conninfo_to_dict(admin.info.dsn)
    psql = [str(postgres_installation() / "bin" / "psql"), "-v", "ON_ERROR_STOP=1", "--no-psqlrc"]
    where = ["--host", facts["host"], "--port", str(PORT), "--username", "postgres", "--dbname", "postgres"]
    return subprocess.run([*psql, *where, "-f", str(SITE / SCRIPT)], env=os.environ | secrets, capture_output=True)


def test_the_script_makes_the_roles_each_with_its_own_password(empty_volume):
    odd = 'it\'s "odd" \\ $1'
    assert run_script(empty_volume, OWNER_PASSWORD=odd, APPLICATION_PASSWORD="plain").returncode == 0
    roles = empty_volume.execute("SELECT rolname, rolpassword ~ '^SCRAM', rolsuper FROM pg_authid WHERE rolcanlogin")
    expected = [("cryptoml", True, False), ("cryptoml_owner", True, False), ("postgres", None, True)]
    assert sorted(roles.fetchall()) == expected
    owner = empty_volume.execute("SELECT datdba::regrole::text FROM pg_database WHERE datname = 'cryptoml'")
    assert owner.fetchone() == ("cryptoml_owner",)


def test_without_a_password_the_script_fails_and_makes_no_database(empty_volume):
    assert run_script(empty_volume, OWNER_PASSWORD="secret").returncode != 0
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host=empty_volume.info.host, port=PORT, user="postgres", dbname="cryptoml")
