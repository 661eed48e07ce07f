"""From the spool into the log, once, by id: what this process set aside, and what dead ones left behind."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Sequence

import psycopg
from psycopg import sql

from cryptoml_site.clock import now
from predictions.ids import first_id_of
from predictions.log.late import NOTE_SPOOLED, late_before
from predictions.log.postgres import PatientConnection
from predictions.log.rows import COLUMNS, copied
from predictions.log.spool import Record, Spool, SpoolFile
from predictions.log.writer import REFUSED_ROWS, Writer

logger = logging.getLogger(__name__)
RETRY_SECONDS = 0.25  # between two attempts to reach Postgres
LOOK_SECONDS = 5.0  # between two looks for files of dead processes
CHUNK = 5_000  # rows in one transaction
DEADLINE = 30.0  # seconds for one of them


class Replayer(threading.Thread):
    """Finds Postgres again after a fault, replays, and sends the writers back to it."""

    def __init__(self, spool: Spool, writers: Sequence[Writer]) -> None:
        super().__init__(name="log-replayer", daemon=True)
        self.spool = spool
        self.writers = writers
        self.refused = 0  # rows that Postgres does not take; they stay on disk
        self._stop_asked = threading.Event()
        self._looked = -LOOK_SECONDS
        self._told = ""

    def run(self) -> None:
        while not self._stop_asked.wait(RETRY_SECONDS):
            try:
                self.turn()
            except psycopg.Error as error:
                self._tell(error)
            except Exception:  # recorded; a replayer that ended would leave the spool on disk until the next start
                logger.exception("the spool cannot be replayed")

    def stop(self) -> None:
        self._stop_asked.set()

    def _tell(self, error: psycopg.Error) -> None:
        """Once for each reason: it is met four times a second."""
        if str(error) != self._told:
            logger.warning("Postgres does not take the spool yet: %s", error)
        self._told = str(error)

    def turn(self) -> None:
        """One look. Raises psycopg.Error while Postgres is away."""
        away = [writer for writer in self.writers if writer.away.is_set()]
        due = time.monotonic() - self._looked >= LOOK_SECONDS
        if not away and not due and not self.spool.rows:
            return
        self._looked = time.monotonic()
        orphans = self.spool.orphans()
        first = next(orphans, None)
        if not away and not self.spool.rows and first is None:
            return
        self._replay([first, *orphans] if first else [], away)

    def _replay(self, files: Iterable[SpoolFile], away: Iterable[Writer]) -> None:
        waiting = list(files)
        try:
            with PatientConnection.open(deadline=DEADLINE) as connection:
                insert_missing(connection, (), COLUMNS)  # or the own file would be let go of again and again
                if (own := self.spool.detach()) is not None:
                    waiting.append(own)
                while waiting:
                    self._try_to_empty(waiting[0], connection)
                    waiting.pop(0)
                for writer in away:  # what came into the spool meanwhile is for the next turn
                    writer.away.clear()
        finally:
            for file in waiting:  # whoever comes next takes them
                file.close()

    def _try_to_empty(self, file: SpoolFile, connection: PatientConnection) -> None:
        try:
            stored = self._empty(file, connection)
        except (psycopg.ProgrammingError, OSError) as error:  # columns of a newer release, a disk that cannot be read
            logger.error("%s stays in the spool, and the others go on: %s", file.path, error)
            file.close()
        else:
            logger.info("%s rows came from the spool into the log", stored)

    def _empty(self, file: SpoolFile, connection: PatientConnection) -> int:
        columns = file.columns()
        stored = 0
        for chunk in _chunks(file.records()) if columns else ():
            stored += self._store(chunk, str(columns), connection, file)
        if file.damage:
            file.keep_for_people()
        else:
            file.remove()
        return stored

    def _store(self, chunk: Sequence[Record], columns: str, connection: PatientConnection, file: SpoolFile) -> int:
        """A record that Postgres refuses is kept beside the spool, and those around it are stored."""
        try:
            insert_missing(connection, chunk, columns)
        except REFUSED_ROWS as refusal:
            if len(chunk) > 1:
                middle = len(chunk) // 2
                halves = chunk[:middle], chunk[middle:]
                return sum(self._store(half, columns, connection, file) for half in halves)
            kept = file.keep_refused(chunk[0], columns)
            self.refused += chunk[0].count
            logger.error(
                "%s rows of the spool are refused by Postgres and kept in %s: %s", chunk[0].count, kept, refusal
            )
            return 0
        return sum(record.count for record in chunk)


def insert_missing(connection: PatientConnection, records: Sequence[Record], columns: str) -> None:
    """Store the rows whose ids are not in the log yet, in one transaction: COPY knows no ON CONFLICT."""
    names = sql.SQL(columns)  # this program wrote them, into a file of mode 0600
    with connection.transaction():
        connection.execute(
            "CREATE TEMPORARY TABLE spooled (LIKE predictions_prediction INCLUDING DEFAULTS) ON COMMIT DROP"
        )
        statement = sql.SQL("COPY spooled ({}) FROM STDIN (FORMAT BINARY)").format(names)
        connection.copy_rows(copied(record.rows for record in records), statement.as_string())
        connection.execute("INSERT INTO predictions_prediction SELECT * FROM spooled ON CONFLICT (id) DO NOTHING")
        # Of those that were there already too: nobody knows when the commit came through that was not confirmed.
        connection.execute(NOTE_SPOOLED, [now(), first_id_of(late_before())])


def _chunks(records: Iterable[Record]) -> Iterable[list[Record]]:
    chunk: list[Record] = []
    for record in records:
        chunk.append(record)
        if sum(each.count for each in chunk) >= CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
