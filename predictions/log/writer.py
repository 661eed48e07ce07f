"""Group commit: one thread writes what all answers of the moment hand over, in one COPY and one commit."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import Enum
from queue import Empty, SimpleQueue

import psycopg

from cryptoml_site.errors import Refused, Unavailable
from predictions.log.late import STALL, late_minutes
from predictions.log.postgres import PatientConnection
from predictions.log.rows import copied, milliseconds_of
from predictions.log.spool import Record, Spool

logger = logging.getLogger(__name__)
LARGEST_GROUP = 500  # calls in one commit
PATIENCE = 15.0  # seconds that an answer waits for its row before it is given up
REFUSED_ROWS = (psycopg.DataError, psycopg.IntegrityError)  # the rows are at fault, not the connection


class Durability(Enum):
    """Where a row was safe when its answer left."""

    POSTGRES = "postgres"
    SPOOL = "spool"
    MEMORY = "memory"  # by DURABILITY=relaxed alone


class Ticket:
    """The rows of one call on their way; `wait` ends when they are safe, or will not be."""

    __slots__ = ("_done", "_outcome", "record")

    def __init__(self, record: Record) -> None:
        self.record = record
        self._outcome: Durability | Exception | None = None
        self._done = threading.Lock()
        self._done.acquire()

    @property
    def pending(self) -> bool:
        return self._outcome is None

    def settle(self, outcome: Durability | Exception) -> None:
        self._outcome = outcome
        self._done.release()

    def wait(self, seconds: float) -> Durability:
        """Raises Refused where Postgres takes no such row, Unavailable where neither log nor spool took it in time."""
        if not self._done.acquire(timeout=seconds):
            raise Unavailable(f"the answer was not logged within {seconds:g} s, so it is not given", code="not_logged")
        if isinstance(self._outcome, Durability):
            return self._outcome
        raise self._outcome or RuntimeError("a ticket was released that nothing settled")


class Writer:
    """Hands rows to Postgres, in groups, and to the spool while Postgres does not answer.

    `away` is set by the first failure and cleared by whoever finds Postgres again (the Replayer): the writer itself
    never waits for a connection while answers wait for it.
    """

    def __init__(self, name: str, *, spool: Spool, connect: Callable[[], PatientConnection]) -> None:
        self.name = name
        self.spool = spool
        self.away = threading.Event()
        self.fault = ""  # why it is away
        self._connect = connect
        self._connection: PatientConnection | None = None
        self._queue: SimpleQueue[Ticket | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._takes_rows = False
        self._refusing = False  # because the spool does
        self._starting = threading.Lock()

    @property
    def alive(self) -> bool:
        """Whether the thread runs; it starts with the first row, and again with the next one should it ever die."""
        thread = self._thread
        return self._takes_rows and thread is not None and thread.is_alive()

    @property
    def started(self) -> bool:
        """And not ended in order since: one that is started and not alive has died."""
        return self._thread is not None

    def hand_over(self, record: Record) -> Ticket:
        """The caller waits on the ticket, or not."""
        ticket = Ticket(record)
        self._queue.put(ticket)
        if not self.alive:  # asked after the put: a thread that ends right now looks into the queue after that
            self._start()
        return ticket

    def drain(self, seconds: float) -> None:
        """Write what was handed over, and end the thread. For the end of the process."""
        deadline = time.monotonic() + seconds
        while (thread := self._thread) is not None and self.alive and time.monotonic() < deadline:
            self._queue.put(None)
            thread.join(max(0.0, deadline - time.monotonic()))

    def _start(self) -> None:
        with self._starting:
            if not self.alive:
                if self.started:
                    logger.error("the log's %s writer had died and is started again", self.name)
                self._takes_rows = True
                self._thread = threading.Thread(target=self._run, name=f"log-{self.name}", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        ended_in_order = False
        try:
            self._write_until_the_end()
            ended_in_order = True
        finally:
            self._disconnect()
            with self._starting:
                self._takes_rows = False
                if ended_in_order:
                    self._thread = None
            if not self._queue.empty():  # what came behind the end begins another thread
                self._start()

    def _write_until_the_end(self) -> None:
        while (first := self._queue.get()) is not None:
            group, last = self._group(first)
            self._write_all_of(group)
            if last:
                return

    def _group(self, first: Ticket) -> tuple[list[Ticket], bool]:
        """Everything that waits by now; and whether the end was asked for."""
        group = [first]
        try:
            while len(group) < LARGEST_GROUP:
                following = self._queue.get_nowait()
                if following is None:
                    return group, True
                group.append(following)
        except Empty:
            pass
        return group, False

    def _write_all_of(self, group: Sequence[Ticket]) -> None:
        try:
            self._write(group)
        except Exception as error:  # recorded, on each answer; a thread that ended would leave the next ones waiting
            logger.exception("the log's %s writer met what it does not know", self.name)
            self._disconnect()  # nobody knows how far it had come
            _settle(group, error)
        finally:
            _settle(group, Unavailable("the log's writer died, so the answer is not given", code="not_logged"))

    def _write(self, group: Sequence[Ticket]) -> None:
        """A group that Postgres refuses is halved until the row at fault stands alone."""
        if self.away.is_set():
            self._set_aside(group)
            return
        try:
            self._copy(group)
        except REFUSED_ROWS as refusal:
            if len(group) > 1:
                middle = len(group) // 2
                self._write(group[:middle])
                self._write(group[middle:])
            else:
                logger.error("Postgres refuses a row of the log: %s", refusal)
                group[0].settle(Refused(f"the log refuses this answer, so it is not given: {_first_line(refusal)}"))
        except psycopg.Error as error:  # whether it was committed is unknown: the same ids are stored once all the same
            self._lose(error)
            self._set_aside(group)
        else:
            for ticket in group:
                ticket.settle(Durability.POSTGRES)

    def _copy(self, group: Sequence[Ticket]) -> None:
        if self._connection is None:
            self._connection = self._connect()
        payload, looked_at = copied(ticket.record.rows for ticket in group), time.monotonic()
        if late := _late_minutes(group):
            self._connection.copy_late_rows(payload, late)
        else:
            self._connection.copy_rows(payload)
        if time.monotonic() - looked_at > STALL and (late := _late_minutes(group)):
            self._connection.note(late)

    def _lose(self, error: psycopg.Error) -> None:
        logger.warning("the log's %s writer goes to the spool: %s", self.name, _first_line(error))
        self.fault = _first_line(error)
        self.away.set()
        self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _set_aside(self, group: Sequence[Ticket]) -> None:
        try:
            self.spool.append([ticket.record for ticket in group])
        except Unavailable as refused:
            if not self._refusing:  # once: a log file on the same full disk would only fill it further
                logger.error("answers of the log's %s writer are refused: %s", self.name, refused)
            self._refusing = True
            _settle(group, refused)
        else:
            self._refusing = False
            for ticket in group:
                ticket.settle(Durability.SPOOL)


def _settle(group: Sequence[Ticket], error: Exception) -> None:
    """Those of the group that still wait; nobody waits for what a dead thread held."""
    for ticket in group:
        if ticket.pending:
            ticket.settle(error)


def _late_minutes(group: Sequence[Ticket]) -> list[datetime]:
    return late_minutes(milliseconds_of(ticket.record.rows) for ticket in group)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
