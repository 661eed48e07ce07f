"""The file of a backup: an ordinary tar, written and read in one pass, however large its parts.

Its last members are manifest.json, which names every other with its size and sha256, and the sha256 of that itself.
"""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO

from cryptoml_site.backups.manifest import Manifest, Part
from cryptoml_site.errors import Refused

DATABASE = "database.dump"
BUNDLES = "bundles/"  # what follows is the path in the bundles' storage
MANIFEST, SEAL = "manifest.json", "manifest.sha256"
CHUNK = 1 << 20  # bytes in memory at a time
_LONGEST_MANIFEST = 256 << 20  # bytes


class BackupDamaged(Refused):
    """The file is no backup, or not the whole of one."""

    code = "backup_damaged"


class PartWriter:
    """Counts and hashes what passes through."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = sha256()
        self._size = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._size += len(data)

    def copy(self, source: IO[bytes]) -> None:
        while data := source.read(CHUNK):
            self.write(data)

    @property
    def part(self) -> Part:
        return Part(self._size, self._digest.hexdigest())


class ArchiveWriter:
    """Appends parts to a file that can be sought in: a part's size is noted before it once it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.parts: dict[str, Part] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[PartWriter]:
        start = self._file.tell()
        self._file.write(_header(name, 0))
        writer = PartWriter(self._file)
        yield writer
        end = self._file.tell()
        self._file.seek(start)
        self._file.write(_header(name, writer.part.size))
        self._file.seek(end)
        self._file.write(bytes(-end % tarfile.BLOCKSIZE))
        self.parts[name] = writer.part

    def seal(self, manifest: Manifest) -> None:
        """The manifest, its hash, and the end of the tar: without them there is no backup."""
        written = manifest.as_bytes()
        for name, data in ((MANIFEST, written), (SEAL, sha256(written).hexdigest().encode())):
            with self.part(name) as part:
                part.write(data)
        self._file.write(bytes(2 * tarfile.BLOCKSIZE))


def checked(path: Path) -> Manifest:
    """What is in it, once every part was read and has its hash. Raises BackupDamaged, and then nothing was used."""
    found: dict[str, Part] = {}
    last: dict[str, bytes] = {}
    with _damage_told(path):
        for name, stream in members(path):
            if name in found or name in last:
                raise BackupDamaged(f"{path} holds {name} twice: it is not what was written")
            if name in (MANIFEST, SEAL):
                last[name] = stream.read(_LONGEST_MANIFEST)
            else:
                found[name] = _part_of(stream)
    if set(last) != {MANIFEST, SEAL}:
        raise BackupDamaged(f"{path} is no whole backup: its end, with the hashes of its parts, is not there")
    if sha256(last[MANIFEST]).hexdigest().encode() != last[SEAL]:
        raise BackupDamaged(f"{path}: its manifest was altered, so nothing in it can be trusted")
    manifest = Manifest.from_bytes(last[MANIFEST])
    _compare(path, found, manifest.parts)
    return manifest


def members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Each file in the tar, in its order, to be read before the next. Raises BackupDamaged for what we never write."""
    with _damage_told(path), tarfile.open(path, "r:") as tar:
        for member in tar:
            stream = tar.extractfile(member) if member.isreg() else None
            if stream is None or {"", ".."}.intersection(member.name.split("/")):
                raise BackupDamaged(f"{path} holds {member.name}, which is no part of a backup: nothing was changed")
            yield member.name, stream


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise Refused(f"there is no file {path}: name a backup", code="no_backup") from None
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror}): name a backup", code="no_backup") from error
    except (tarfile.TarError, EOFError) as error:
        raise BackupDamaged(f"{path} is no backup, or a damaged one: {error}") from error


def _part_of(stream: IO[bytes]) -> Part:
    digest, size = sha256(), 0
    while data := stream.read(CHUNK):
        digest.update(data)
        size += len(data)
    return Part(size, digest.hexdigest())


def _compare(path: Path, found: dict[str, Part], named: dict[str, Part]) -> None:
    if differing := sorted(name for name in {*found, *named} if found.get(name) != named.get(name)):
        listed = ", ".join(differing[:3]) + (f" and {len(differing) - 3} more" if len(differing) > 3 else "")
        raise BackupDamaged(f"{path} is damaged, nothing was changed: {listed} is not what was backed up")


def _header(name: str, size: int) -> bytes:
    """Always one block, so that it can be written again over itself; GNU's has room for any size."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    header = info.tobuf(tarfile.GNU_FORMAT)
    if len(header) != tarfile.BLOCKSIZE:
        raise Refused(f"{name} is too long a name for a part of a backup")
    return header
