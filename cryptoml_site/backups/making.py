"""Making a backup, while the site runs: one snapshot of the database, and the bundles that this snapshot names."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO, Any

import psycopg
from django.core.files.storage import storages
from psycopg import sql

from cryptoml_site.backups.archive import BUNDLES, DATABASE, ArchiveWriter
from cryptoml_site.backups.manifest import Manifest
from cryptoml_site.backups.programs import Access, Programs, programs_for
from cryptoml_site.errors import Refused
from registry.bundles import MANIFEST, BundleAltered, BundleAway, path_in_storage, verify_bundle
from training.revision import code_revision

LOG = "predictions_prediction"
ATTEMPTS = 3

_MIGRATIONS = "SELECT app || '.' || name FROM django_migrations ORDER BY 1"
_TABLES = """
SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1
"""
# As JSON, for a database that is about to be migrated may be older than the column.
_BUNDLES = "SELECT DISTINCT bundle FROM registry_modelversion AS v WHERE to_jsonb(v)->>'purged_at' IS NULL ORDER BY 1"
_OWNER = "SELECT tableowner FROM pg_tables WHERE schemaname = 'public' AND tablename = 'registry_modelversion'"
_UPLOADS = "SELECT upload FROM registry_modelimport WHERE status IN ('queued', 'running') ORDER BY 1"

Connection = psycopg.Connection[tuple[Any, ...]]


class PurgedMeanwhile(Exception):
    """A bundle of the snapshot was deleted on purpose before it was read."""


@dataclass(frozen=True)
class Snapshot:
    """The database at one moment, for as long as its transaction is open."""

    connection: Connection
    name: str
    taken_at: datetime

    @property
    def postgres(self) -> int:
        return self.connection.info.server_version // 10_000

    def column(self, query: str) -> list[str]:
        return [value for (value,) in self.connection.execute(query.encode()).fetchall()]

    def rows(self) -> dict[str, int]:
        counted = {}
        for table in self.column(_TABLES):
            count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", table))
            [(counted[table],)] = self.connection.execute(count).fetchall()
        return counted


def make_backup(target: Path, *, with_log: bool, even_if_altered: bool = False) -> Manifest:
    """Write the backup to `target`: whole and in one move, or not at all.

    Raises Refused where the target is there, there is nothing to back up, or a bundle is not what was registered.
    """
    _refuse_existing(target)
    access = Access.of_the_owner()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with _whole_or_nothing(target) as file, _snapshot(access) as snapshot:
                return _write(file, snapshot, access, with_log=with_log, even_if_altered=even_if_altered)
        except PurgedMeanwhile:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _write(file: IO[bytes], snapshot: Snapshot, access: Access, *, with_log: bool, even_if_altered: bool) -> Manifest:
    programs, tables = programs_for(snapshot.postgres), snapshot.column(_TABLES)
    if "registry_modelversion" not in tables:
        raise Refused(f"the database '{access.database}' holds no tables of CryptoML: nothing to back up")
    refuse_all_but_the_owner(access, snapshot.column(_OWNER)[0])
    archive = ArchiveWriter(file)
    left_out = list(_write_bundles(archive, snapshot, access, even_if_altered=even_if_altered))
    if "registry_modelimport" in tables:
        _write_uploads(archive, snapshot)
    with archive.part(DATABASE) as part:
        _dump(programs, access, snapshot, with_log=with_log, into=part.copy)
    rows = snapshot.rows()
    manifest = Manifest(
        made_at=snapshot.taken_at,
        revision=code_revision(),
        postgres=programs.major,
        with_log=with_log,
        migrations=snapshot.column(_MIGRATIONS),
        rows=rows if with_log else rows | {LOG: 0},
        left_out=left_out,
        parts=archive.parts.copy(),
    )
    archive.seal(manifest)
    return manifest


def refuse_all_but_the_owner(access: Access, owner: str) -> None:
    if (role := access.parameters.get("user")) != owner:
        raise Refused(
            f"'{owner}' owns the tables, and '{role}' may not read or make all of them: name the owner in "
            "MIGRATE_DATABASE_URL",
            code="not_the_owner",
        )


def _write_bundles(
    archive: ArchiveWriter, snapshot: Snapshot, access: Access, *, even_if_altered: bool
) -> Iterator[str]:
    """Every bundle of the snapshot, each hash checked; gives those that had to be left out."""
    for bundle in snapshot.column(_BUNDLES):
        try:
            names = [MANIFEST, *verify_bundle(bundle)]
        except BundleAway:
            raise
        except BundleAltered as altered:
            if not _still_named(bundle, access):
                raise PurgedMeanwhile from altered
            if not even_if_altered:
                raise Refused(
                    f"{altered}. To back up everything else all the same: --even-if-altered", code=altered.code
                ) from altered
            yield bundle
            continue
        for name in names:
            _write_stored(archive, path_in_storage(bundle, name))


def _write_uploads(archive: ArchiveWriter, snapshot: Snapshot) -> None:
    """Files that people brought, and that no worker has opened yet; one that was taken meanwhile is in no hurry."""
    for upload in snapshot.column(_UPLOADS):
        with suppress(FileNotFoundError):
            _write_stored(archive, upload)


def _write_stored(archive: ArchiveWriter, path: str) -> None:
    with storages["bundles"].open(path) as source, archive.part(f"{BUNDLES}{path}") as part:
        part.copy(source)


def _still_named(bundle: str, access: Access) -> bool:
    """By a look of now, outside the snapshot."""
    with psycopg.connect(**access.parameters) as connection:
        return bundle in [name for (name,) in connection.execute(_BUNDLES.encode()).fetchall()]


def _dump(
    programs: Programs, access: Access, snapshot: Snapshot, *, with_log: bool, into: Callable[[IO[bytes]], None]
) -> None:
    """Without roles and rights, which are the other database's own; `migrate` gives the rights there."""
    options = ["--format=custom", "--no-owner", "--no-privileges", "--exclude-extension=*"]
    options += [f"--snapshot={snapshot.name}"]
    options += [] if with_log else [f"--exclude-table-data-and-children=public.{LOG}"]
    command = programs.command("pg_dump", access, *options)
    pipe, said = subprocess.PIPE, b""
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, env=access.environment) as dumping:
        if dumping.stdout is not None and dumping.stderr is not None:
            into(dumping.stdout)
            said = dumping.stderr.read()
    if dumping.returncode:
        raise Refused(f"pg_dump failed: {said.decode(errors='replace').strip()}", code="dump_failed")


@contextmanager
def _snapshot(access: Access) -> Iterator[Snapshot]:
    with psycopg.connect(**access.parameters) as connection:
        connection.isolation_level, connection.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
        [(name, taken_at)] = connection.execute("SELECT pg_export_snapshot(), now()").fetchall()
        yield Snapshot(connection, name, taken_at)


@contextmanager
def _whole_or_nothing(target: Path) -> Iterator[IO[bytes]]:
    """A file beside the target, for its owner alone, that takes its name once everything in it is on the disk."""
    draft = target.with_name(f".{target.name}.new")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_RDWR, 0o600), "wb") as file:
            _take(file, draft)
            try:
                _refuse_existing(target)
                file.truncate(0)  # of one that was killed
                yield file
                file.flush()
                os.fsync(file.fileno())
                draft.rename(target)
            except BaseException:
                draft.unlink()
                raise
        _sync_folder(target.parent)
    except OSError as error:
        raise Refused(f"{target} was not written: {error}", code="not_written", field="out") from error


def _take(file: IO[bytes], draft: Path) -> None:
    """For as long as it is open. Raises Refused where another backup is being written to it, or was a moment ago."""
    try:
        flock(file, LOCK_EX | LOCK_NB)
        ours = os.path.samestat(draft.stat(), os.fstat(file.fileno()))
    except (BlockingIOError, FileNotFoundError):
        ours = False
    if not ours:
        raise Refused(f"another backup is being written to {draft}: name another file", code="exists", field="out")


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise Refused(f"{target} exists: name another file", code="exists", field="out")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
