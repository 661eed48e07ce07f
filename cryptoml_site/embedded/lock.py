"""flock on a file: the kernel lets go of it when its holder ends, however that happens."""

import fcntl
import os
import time
from pathlib import Path


class FileLock:
    """Exclusive or shared; held until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def exclusive(self, *, wait: bool = True) -> bool:
        return self._lock(fcntl.LOCK_EX, wait=wait)

    def exclusive_within(self, seconds: float) -> bool:
        """Longer than somebody's look at whether it is `free`."""
        deadline = time.monotonic() + seconds
        while not self.exclusive(wait=False):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def shared(self, *, wait: bool = True) -> bool:
        return self._lock(fcntl.LOCK_SH, wait=wait)

    def release(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def free(self) -> bool:
        """Nobody holds it exclusively. Never ask this of a lock held by oneself: it lets go of it."""
        if not self.shared(wait=False):
            return False
        self.release()
        return True

    def write(self, text: str) -> None:
        """Leave a word for those who find it held."""
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, text.encode(), 0)

    def read(self) -> str:
        return os.pread(self._file, 200, 0).decode()

    def _lock(self, kind: int, *, wait: bool) -> bool:
        try:
            fcntl.flock(self._file, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
