"""The database: what it is, by which role we are there, and whether it guards the ledger."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from cryptoml_site.backups.programs import programs_for
from cryptoml_site.clock import now
from cryptoml_site.doctor.findings import Findings, bad, ok, warn
from cryptoml_site.embedded.wheels import POSTGRES_MAJOR
from cryptoml_site.errors import Unavailable

ABOUT = "Postgres"
SLIGHT, GRAVE = 1.0, 5.0  # seconds between its clock and ours

_FACTS = """
SELECT current_setting('server_version'), current_setting('server_version_num')::int / 10000, current_user,
    rolsuper, pg_encoding_to_char(encoding), coalesce(datlocale, datcollate), current_setting('max_connections')::int,
    current_setting('fsync') = 'on' AND current_setting('synchronous_commit') NOT IN ('off', 'local'),
    pg_database_size(current_database()),
    (SELECT string_agg(extname, ', ' ORDER BY extname) FROM pg_extension)
FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()
"""
_GUARD = """
SELECT to_regclass('public.registry_deployment') IS NOT NULL,
    EXISTS (SELECT FROM pg_trigger WHERE tgname = 'the_ledger_is_append_only' AND tgenabled IN ('O', 'A')),
    pg_get_userbyid((SELECT relowner FROM pg_class WHERE oid = to_regclass('public.registry_deployment'))),
    has_table_privilege(to_regclass('public.registry_deployment'), 'UPDATE, DELETE, TRUNCATE, TRIGGER'),
    (SELECT string_agg(proname, ', ') FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) AS given
        WHERE pronamespace = 'public'::regnamespace AND prosecdef AND given.grantee = 0)
"""


def examine_postgres() -> Findings:
    """Raises DatabaseError where it is away."""
    version, major, role, superuser, encoding, locale, most, durable, size, extensions = _row(_FACTS)
    told = f"{version}, database {connection.settings_dict['NAME']} of {size:,} bytes by the role {role}"
    if major < int(POSTGRES_MAJOR):
        yield bad(ABOUT, told, f"use Postgres {POSTGRES_MAJOR} or newer")
    else:
        yield ok(ABOUT, f"{told}; {encoding}, {locale}; {extensions}")
    if encoding != "UTF8":
        yield bad(ABOUT, f"the database is in {encoding}", "make it anew with ENCODING 'UTF8', and restore a backup")
    if superuser:
        yield bad(ABOUT, f"the role {role} is a superuser", "give DATABASE_URL an ordinary role (docs/serving.md)")
    if not durable:
        yield bad(ABOUT, "a commit is not on disk when it returns", "set fsync and synchronous_commit to on")
    yield from _connections(most)
    yield from _encryption()
    yield from _programs(major)


def examine_guard() -> Findings:
    """Whether the ledger is append-only, by more than our word."""
    there, triggered, owner, may, public = _row(_GUARD)
    if not there:
        yield bad("ledger", "there are no tables yet", "run `manage.py migrate`")
        return
    if not triggered:
        yield bad(
            "ledger", "its trigger is gone or disabled", "restore a backup, or make it again as migration 0002 does"
        )
    if public:
        yield bad(
            "ledger", f"everybody may call {public}, which run as the owner", "run `manage.py migrate` as the owner"
        )
    if owner == connection.settings_dict["USER"]:
        yield warn("ledger", f"the role {owner} owns it and could drop its trigger", "part the roles (docs/serving.md)")
    elif may:
        yield bad("ledger", "the application's role may change it", "run `manage.py migrate` as the owner")
    elif triggered and not public:
        yield ok("ledger", f"append-only by a trigger and by rights; {owner} owns it")


def examine_clock() -> Findings:
    """An answer's id is a moment of ours, and rows are sorted by it."""
    before = datetime.now().astimezone()
    (theirs,) = _row("SELECT clock_timestamp()")
    middle = before + (datetime.now().astimezone() - before) / 2
    apart = (theirs - middle).total_seconds()
    told = f"{abs(apart):.2f} s {'behind' if apart > 0 else 'ahead of'} Postgres'"
    if abs(apart) >= SLIGHT:
        make = bad if abs(apart) >= GRAVE else warn
        yield make("clock", told, "let NTP set both machines' clocks")
    else:
        yield ok("clock", told)
    if settings.CLOCK_FILE:
        yield bad(
            "clock", f"it stands at {now():%Y-%m-%d %H:%M} by CRYPTOML_CLOCK_FILE", "leave that out: it is for tests"
        )


def _connections(most: int) -> Findings:
    wanted = settings.WEB_WORKERS * (settings.WEB_THREADS + 5) + 15
    if wanted > most:
        yield warn(
            ABOUT,
            f"max_connections is {most}, this machine alone may want {wanted}",
            "raise it, or set WEB_WORKERS and WEB_THREADS lower",
        )


def _encryption() -> Findings:
    if connection.connection is None:
        return
    host = connection.connection.info.host  # where libpq went, whichever part of DATABASE_URL named it
    near = not host or host.startswith("/") or host in ("localhost", "127.0.0.1", "::1")
    if not near and not connection.connection.pgconn.ssl_in_use:
        yield warn(
            ABOUT,
            f"what goes to {host} is not encrypted",
            "on any network that others share: ?sslmode=require, or verify-full, at the end of DATABASE_URL",
        )


def _programs(major: int) -> Findings:
    try:
        yield ok("backup", f"pg_dump of Postgres {programs_for(major).major}")
    except Unavailable as missing:
        yield warn("backup", "no backup can be made here", str(missing))


def _row(query: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        row: tuple[Any, ...] = cursor.fetchone()
        return row
