"""Log files by the day, which any number of processes write to at once.

The standard library's handler renames the file under the other processes, which go on in the old one and rename it
again. Here a day's first writer renames it under a lock, and whoever finds that the name has another file opens that.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path

KEPT_DAYS = 30


class DailyFile(logging.Handler):
    """Each line is one write at the file's end, so that those of several processes do not mix. UTC's days."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._file: int | None = None
        self._day: date | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = f"{self.format(record)}\n".encode(errors="replace")
            os.write(self._current(), line)
        except Exception:  # noqa: BLE001  # as each handler of logging: a full disk stops no answer
            self.handleError(record)

    def close(self) -> None:
        self.acquire()
        try:
            self._let_go()
        finally:
            self.release()
        super().close()

    def _current(self) -> int:
        today = datetime.now(UTC).date()
        if self._file is not None and (today != self._day or not self._is_at_its_name(self._file)):
            self._let_go()
        if self._file is None:
            self._file, self._day = self._opened(today), today
        return self._file

    def _is_at_its_name(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), os.stat(self.path))
        except FileNotFoundError:
            return False

    def _opened(self, today: date) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._alone():
            turn_over(self.path, today)
            return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_WRONLY | os.O_CREAT, 0o640)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _let_go(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def turn_over(path: Path, today: date) -> None:
    """Name the file after the day that it was last written on, where that is over. To be called by one at a time."""
    try:
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    except FileNotFoundError:
        return
    if written < today:
        path.rename(path.with_name(f"{path.name}.{written}"))
        _forget(path, today)


def _forget(path: Path, today: date) -> None:
    for old in path.parent.glob(f"{path.name}.????-??-??"):
        with suppress(ValueError, FileNotFoundError):
            if (today - date.fromisoformat(old.name[-10:])).days > KEPT_DAYS:
                old.unlink()
