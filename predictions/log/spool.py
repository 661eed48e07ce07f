"""Where rows wait while Postgres is away: local files that only grow, each record with its checksum, synced to disk.

A file is its process's own, under flock; the file of a process that died is whoever's locks it first. First a line of
JSON that names the columns, so that a later release can read it, then records: length of the rows, their CRC-32, their
number, and the CRC-32 of these three, four bytes each; then the rows in the format of COPY.

The second checksum tells a torn tail, whose answer was never given, from damage, behind which answers may lie that
were given: a file that is damaged is kept for people.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from uuid import uuid4

from cryptoml_site.errors import Unavailable
from predictions.log.rows import COLUMNS

logger = logging.getLogger(__name__)
PREFIX = struct.Struct(">III")
CHECKSUM = struct.Struct(">I")
SUFFIX = ".rows"
DAMAGED, REFUSED = ".damaged", ".refused"  # kept for people, by nobody replayed
MODE = 0o600


def _head(columns: str) -> bytes:
    return json.dumps({"format": 1, "columns": columns}).encode() + b"\n"


HEAD = _head(COLUMNS)


@dataclass(frozen=True, slots=True)
class Record:
    """The rows of one call, which are stored together or not at all."""

    rows: bytes
    count: int

    def as_bytes(self) -> bytes:
        prefix = PREFIX.pack(len(self.rows), zlib.crc32(self.rows), self.count)
        return prefix + CHECKSUM.pack(zlib.crc32(prefix)) + self.rows


class SpoolFile:
    """One file, locked for as long as this object lives in it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.rows = 0
        self.torn = False  # by an append that failed and could not be taken back: it takes no more
        self.damage: str | None = None  # what the reading met
        self._descriptor = descriptor

    @classmethod
    def create(cls, folder: Path) -> SpoolFile:
        """Raises OSError, and then leaves nothing behind."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            made = cls.take(folder / f"{uuid4()}{SUFFIX}", os.O_CREAT | os.O_EXCL)
            if made is not None:
                try:
                    _write_all(made._descriptor, HEAD)
                    _sync_folder(folder)  # or a loss of power may take the file's name
                except OSError:
                    made.remove()
                    raise
                return made

    @classmethod
    def take(cls, path: Path, flags: int = 0) -> SpoolFile | None:
        """Open and lock; None where it is another's, or gone."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_APPEND | flags, MODE)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):  # nobody emptied and unlinked it meanwhile
                return cls(path, descriptor)
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(descriptor)
        return None

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def append(self, records: Iterable[Record]) -> None:
        """Durable when this returns. Raises OSError, and then holds what it held before, or is torn."""
        chosen = list(records)
        before = self.size
        try:
            _write_all(self._descriptor, b"".join(record.as_bytes() for record in chosen))
            os.fdatasync(self._descriptor)
        except OSError:
            self._cut(before)
            raise
        self.rows += sum(record.count for record in chosen)

    def columns(self) -> str | None:
        """Which columns its rows have; None where its process died before the first row, and where it is damaged."""
        with self.path.open("rb") as file:
            head = file.readline()
        if HEAD.startswith(head) and head != HEAD:
            return None
        try:
            return str(json.loads(head)["columns"])
        except (ValueError, KeyError, TypeError, RecursionError):
            self.damage = "its first line cannot be read"
            return None

    def records(self) -> Iterator[Record]:
        """Up to a tail that is torn, whose answer was never given, or up to the first `damage`."""
        with self.path.open("rb") as file:
            file.readline()
            while len(prefix := file.read(PREFIX.size + CHECKSUM.size)) == PREFIX.size + CHECKSUM.size:
                length, checksum, count = PREFIX.unpack_from(prefix)
                if CHECKSUM.unpack_from(prefix, PREFIX.size) != (zlib.crc32(prefix[: PREFIX.size]),):
                    self.damage = f"the record that ends before byte {file.tell()} names no length"
                    return
                rows = file.read(length)
                if len(rows) < length:
                    return
                if zlib.crc32(rows) != checksum:
                    self.damage = f"the record that ends before byte {file.tell()} is not what was written"
                    return
                yield Record(rows, count)

    def remove(self) -> None:
        """Once every row of it is in the log."""
        self.path.unlink()
        self.close()

    def keep_for_people(self) -> None:
        """Out of the way of those that replay, whole: answers that were given may lie behind the damage."""
        kept = self.path.with_suffix(DAMAGED)
        self.path.rename(kept)
        self.close()
        logger.error("%s is damaged: %s; what precedes is stored, and the file is kept", kept, self.damage)

    def keep_refused(self, record: Record, columns: str) -> Path:
        """Set a record beside the file, to stay when that is removed. Durable when this returns."""
        kept = SpoolFile.take(self.path.with_suffix(REFUSED), os.O_CREAT)
        if kept is None:
            raise BlockingIOError(f"{self.path.with_suffix(REFUSED)} is locked by another process")
        try:
            if not kept.size:
                _write_all(kept._descriptor, _head(columns))
            kept.append([record])
            _sync_folder(kept.path.parent)
        finally:
            kept.close()
        return kept.path

    def _cut(self, size: int) -> None:
        try:
            os.ftruncate(self._descriptor, size)
        except OSError:
            self.torn = True

    def close(self) -> None:
        os.close(self._descriptor)


class Spool:
    """This process's file, made with its first row, among those of others in the same folder."""

    def __init__(self, folder: Path, *, limit: int) -> None:
        self.folder = folder
        self.limit = limit  # bytes of all files in the folder
        self._file: SpoolFile | None = None
        self._lock = Lock()

    @property
    def rows(self) -> int:
        """How many of this process wait here."""
        file = self._file
        return file.rows if file else 0

    def append(self, records: list[Record]) -> None:
        """Durable when this returns. Raises Unavailable where the disk or the limit refuse it: answer nothing then."""
        with self._lock:
            try:
                if self._used() + sum(len(record.rows) for record in records) > self.limit:
                    raise OSError(f"its limit of {self.limit:,} bytes is reached")
                if self._file is None:
                    self._file = SpoolFile.create(self.folder)
                self._file.append(records)
            except OSError as error:
                self._leave_torn_file()
                raise Unavailable(
                    f"Postgres does not answer and the answer cannot be kept on disk: {error}", code="spool_refused"
                ) from error

    def _leave_torn_file(self) -> None:
        """To whoever replays it: what came behind the tear would not be found."""
        if self._file is not None and self._file.torn:
            self._file.close()
            self._file = None

    def _used(self) -> int:
        used = 0
        for path in self.folder.glob(f"*{SUFFIX}"):
            with suppress(FileNotFoundError):  # another process has just replayed it
                used += path.stat().st_size
        return used

    def detach(self) -> SpoolFile | None:
        """Hand the file over to be replayed; the next row begins another."""
        with self._lock:
            file, self._file = self._file, None
            return file

    def orphans(self) -> Iterator[SpoolFile]:
        """Files whose processes are gone, each locked for us."""
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            try:
                file = SpoolFile.take(path)
            except OSError as error:  # another user's: it keeps nobody from the others
                logger.error("%s cannot be replayed by this process: %s", path, error)
                continue
            if file is not None:
                yield file


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
