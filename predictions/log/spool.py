"""Where rows wait while Postgres is away: local files that only grow, each record with its checksum, synced to disk.

A file is its process's own, under flock; the file of a process that died is whoever's locks it first. First a line of
JSON that names the columns, so that a later release can read it, then records: length, CRC-32 and number of rows, four
bytes each, and the rows in the format of COPY.
"""

from __future__ import annotations

import fcntl
import json
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

HEAD = json.dumps({"format": 1, "columns": COLUMNS}).encode() + b"\n"
PREFIX = struct.Struct(">III")
SUFFIX = ".rows"
MODE = 0o600


@dataclass(frozen=True, slots=True)
class Record:
    """The rows of one call, which are stored together or not at all."""

    rows: bytes
    count: int

    def as_bytes(self) -> bytes:
        return PREFIX.pack(len(self.rows), zlib.crc32(self.rows), self.count) + self.rows


class SpoolFile:
    """One file, locked for as long as this object lives in it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.rows = 0
        self._descriptor = descriptor

    @classmethod
    def create(cls, folder: Path) -> SpoolFile:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            made = cls.take(folder / f"{uuid4()}{SUFFIX}", os.O_CREAT | os.O_EXCL)
            if made is not None:
                try:
                    _write_all(made._descriptor, HEAD)
                    _sync_folder(folder)  # or a loss of power may take the file's name
                except OSError:
                    made.close()
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
        """Durable when this returns. Raises OSError, and then holds what it held before."""
        chosen = list(records)
        before = self.size
        try:
            _write_all(self._descriptor, b"".join(record.as_bytes() for record in chosen))
            os.fdatasync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, before)
            raise
        self.rows += sum(record.count for record in chosen)

    def columns(self) -> str | None:
        """Which columns its rows have; None where its process died before the first row."""
        with self.path.open("rb") as file:
            head = file.readline()
        return str(json.loads(head)["columns"]) if head.endswith(b"\n") else None

    def records(self) -> Iterator[Record]:
        """Up to the first that is torn: its answer was never given."""
        with self.path.open("rb") as file:
            file.readline()
            while len(prefix := file.read(PREFIX.size)) == PREFIX.size:
                length, checksum, count = PREFIX.unpack(prefix)
                rows = file.read(length)
                if len(rows) < length or zlib.crc32(rows) != checksum:
                    return
                yield Record(rows, count)

    def remove(self) -> None:
        """Once every row of it is in the log."""
        self.path.unlink()
        self.close()

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
        return self._file.rows if self._file else 0

    def append(self, records: list[Record]) -> None:
        """Durable when this returns. Raises Unavailable where the disk or the limit refuse it: answer nothing then."""
        with self._lock:
            try:
                if self._file is None:
                    self._file = SpoolFile.create(self.folder)
                if self._used() + sum(len(record.rows) for record in records) > self.limit:
                    raise OSError(f"its limit of {self.limit:,} bytes is reached")
                self._file.append(records)
            except OSError as error:
                raise Unavailable(
                    f"Postgres does not answer and the answer cannot be kept on disk: {error}", code="spool_refused"
                ) from error

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
            if (file := SpoolFile.take(path)) is not None:
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
