"""What Postgres tells at once (LISTEN): that the ledger moved, that a key changed. Triggers of ours notify."""

from contextlib import suppress
from time import sleep

import psycopg

from predictions.log.postgres import parameters

MOVES, KEYS = "cryptoml_moves", "cryptoml_keys"
EVERYTHING = frozenset({MOVES, KEYS})


class Notifications:
    """A connection of its own, outside of any pool: one that is lent and returned hears nothing."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection | None = None

    def wait(self, seconds: float) -> frozenset[str]:
        """The channels that were notified, as soon as one is, none after so many seconds.

        After each new connection all of them: what was said meanwhile was not heard. While Postgres is away the time
        just passes.
        """
        if self._connection is None:
            return self._listen(seconds)
        try:
            heard = self._connection.notifies(timeout=seconds, stop_after=1)
            return frozenset(notification.channel for notification in heard)
        except (psycopg.Error, OSError):
            self.close()
            return frozenset()

    def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _listen(self, seconds: float) -> frozenset[str]:
        try:
            self._connection = psycopg.connect(**parameters())
            for channel in sorted(EVERYTHING):
                self._connection.execute(f"LISTEN {channel}")
        except (psycopg.Error, OSError):
            self.close()
            sleep(seconds)
            return frozenset()
        return EVERYTHING
