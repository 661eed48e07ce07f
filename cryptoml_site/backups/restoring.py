"""Putting a backup back: every hash first, then the bundles, then the database in one transaction.

A kill at any moment leaves the database as it was, or as it was in the backup: bundles that are there before their rows
disturb nobody.
"""

import subprocess
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import IO

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from cryptoml_site.backups.archive import BUNDLES, CHUNK, DATABASE, checked, members
from cryptoml_site.backups.making import refuse_all_but_the_owner
from cryptoml_site.backups.manifest import Manifest
from cryptoml_site.backups.programs import Access, Programs, programs_for
from cryptoml_site.errors import Invalid, Refused
from registry.bundles import store_file

Say = Callable[[str], None]

_TABLES = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
_MAY_MAKE = """
SELECT has_schema_privilege('public', 'CREATE'), pg_get_userbyid(datdba)
    FROM pg_database WHERE datname = current_database()
"""
_OTHERS = """
SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND coalesce(backend_type, 'client backend') = 'client backend'  -- another role's is hidden from us
"""

# All that this role owns in the schema, but what an extension brought.
_BEGIN = """
BEGIN;
SET client_min_messages = warning;
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE'
               END AS kind, format('public.%I', relname) AS name
        FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT relispartition
            AND pg_get_userbyid(relowner) = current_user
            AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
        ORDER BY relkind = 'S'  -- those of a table's own column go with it
    LOOP
        EXECUTE format('DROP %s IF EXISTS %s CASCADE', found.kind, found.name);
    END LOOP;
    FOR found IN
        SELECT oid::regprocedure::text AS name FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND pg_get_userbyid(proowner) = current_user
            AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    LOOP
        EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', found.name);
    END LOOP;
END
$$;
"""

# Functions that run as the owner are open to everybody when a dump is restored without rights: shut them in the same
# transaction. `migrate` then gives the application's role what it may.
_COMMIT = """
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT oid::regprocedure::text AS name FROM pg_catalog.pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prosecdef AND pg_get_userbyid(proowner) = current_user
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', found.name);
    END LOOP;
END
$$;
COMMIT;
"""


def restore(path: Path, *, replace: bool, confirm: Callable[[str], str], say: Say) -> Manifest:
    """Make database and bundles what they were in the backup, and migrate where this release is newer.

    confirm: given a question, what the person types. Raises Refused, and then nothing was changed, where a part is
    damaged, the database holds something and `replace` is not said, somebody uses it, or this release is older.
    """
    connection.close()  # ours would be one that uses the database
    say(f"Checking {path} ...")
    manifest = checked(path)
    access = Access.of_the_owner()
    programs = programs_for(manifest.postgres)
    _refuse_newer(manifest)
    _refuse_waiting_answers()
    _look_at(access, manifest, replace=replace, confirm=confirm)
    say(f"Restoring the site of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC into the database '{access.database}' ...")
    _put_back(path, manifest, programs, access)
    _analyze(access)
    forget_what_was_served()
    call_command("migrate", verbosity=0, interactive=False)
    return manifest


def forget_what_was_served() -> None:
    """The state file names the versions and keys of the database that was."""
    with suppress(FileNotFoundError):
        (settings.STATE_DIR / "serving.json").unlink()


def _look_at(access: Access, manifest: Manifest, *, replace: bool, confirm: Callable[[str], str]) -> None:
    with psycopg.connect(**access.parameters) as database:
        [(tables,)] = database.execute(_TABLES).fetchall()
        [(others,)] = database.execute(_OTHERS).fetchall()
        [(may_make, owner)] = database.execute(_MAY_MAKE).fetchall()
        server = database.info.server_version // 10_000
    if server < manifest.postgres:
        raise Refused(f"the backup is of Postgres {manifest.postgres}, the server is {server}: use a newer server")
    if not may_make:
        refuse_all_but_the_owner(access, owner)
    if others:
        raise Refused(
            f"{others} other sessions use the database '{access.database}': stop the site first (`make up`, or the "
            "web, worker, trainer, fetcher and beat), then restore",
            code="in_use",
        )
    if tables:
        _ask(access.database, tables, replace=replace, confirm=confirm)


def _ask(database: str, tables: int, *, replace: bool, confirm: Callable[[str], str]) -> None:
    if not replace:
        raise Refused(
            f"the database '{database}' holds {tables} tables: restore into an empty one, or say --replace to lose "
            "what is in it",
            code="not_empty",
            field="replace",
        )
    typed = confirm(f"All that is in the database '{database}' will be lost. Type its name to go on: ")
    if typed != database:
        raise Invalid(f"'{typed}' is not '{database}': nothing was changed", code="not_confirmed")


def _refuse_newer(manifest: Manifest) -> None:
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if unknown := [name for name in manifest.migrations if name not in known]:
        raise Refused(
            f"the backup is of a newer release ({manifest.revision[:12] or 'of unknown revision'}), which has migrated "
            f"{unknown[0]}{' and others' if len(unknown) > 1 else ''}: restore it with that release",
            code="newer_release",
        )


def _refuse_waiting_answers() -> None:
    """They are of the database that is to go, and would be stored into the one that comes."""
    if waiting := list(settings.SPOOL_DIR.glob("*.rows")):
        raise Refused(
            f"answers wait for Postgres in {waiting[0]}: start the site to have them stored, or move the files away",
            code="answers_wait",
        )


def _put_back(path: Path, manifest: Manifest, programs: Programs, access: Access) -> None:
    """In the order of the tar, where the database comes after the bundles that it names."""
    for name, stream in members(path):
        if name.startswith(BUNDLES):
            store_file(name.removeprefix(BUNDLES), stream.read())
        elif name == DATABASE:
            _load(stream, manifest.parts[DATABASE].sha256, programs, access)
    connection.close()


def _load(dump: IO[bytes], expected: str, programs: Programs, access: Access) -> None:
    """Into one transaction, which is committed by a word of ours: whoever dies before, nothing has happened."""
    psql = programs.command("psql", access, "--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1")
    pipe, whole, said = subprocess.PIPE, False, b""
    # psql leaves at the first error, with what is not read yet in its pipe
    with suppress(BrokenPipeError), subprocess.Popen(psql, stdin=pipe, stderr=pipe, env=access.environment) as running:
        with suppress(BrokenPipeError):
            _stdin(running).write(_BEGIN.encode())
            _stdin(running).flush()
            whole = _script(dump, expected, programs, _stdin(running))
            if whole:
                _stdin(running).write(_COMMIT.encode())
            _stdin(running).close()
        if running.stderr is not None:
            said = running.stderr.read()
    if running.returncode or not whole:
        refusal = said.decode(errors="replace").strip()
        raise Refused(f"the database is as it was, for Postgres refused the backup: {refusal}", code="restore_failed")


def _analyze(access: Access) -> None:
    """By itself, for what fails here must not be said to have changed nothing. A dump brings no statistics."""
    with psycopg.connect(**access.parameters, autocommit=True) as database:
        database.execute("ANALYZE")


def _script(dump: IO[bytes], expected: str, programs: Programs, into: IO[bytes]) -> bool:
    """The dump as SQL, by pg_restore; whether it went through whole, and was what was checked."""
    command = [str(programs.folder / "pg_restore"), "--no-owner", "--no-privileges", "--file=-"]
    digest = sha256()
    with suppress(BrokenPipeError), subprocess.Popen(command, stdin=subprocess.PIPE, stdout=into) as running:
        while data := dump.read(CHUNK):
            digest.update(data)
            _stdin(running).write(data)
    return running.returncode == 0 and digest.hexdigest() == expected


def _stdin(running: subprocess.Popen[bytes]) -> IO[bytes]:
    if running.stdin is None:
        raise ValueError("it was not started with a pipe")
    return running.stdin
