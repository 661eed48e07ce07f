"""Group commit: concurrent answers share one COPY, each is stored when its wait returns, nothing ends the writer."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cryptoml_site.errors import Refused, Unavailable
from predictions.log import MANY, Durability
from predictions.log.postgres import PatientConnection
from predictions.log.writer import Ticket, Writer
from tests.predictions.rows_of_the_log import answers, ids_of, log_in, record_of, refused_answers, stored

pytestmark = pytest.mark.django_db(transaction=True)
THREADS_DIE = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
COPY_ROWS = PatientConnection.copy_rows


@pytest.fixture
def log(tmp_path):
    with log_in(tmp_path / "spool") as made:
        yield made


@pytest.fixture
def copies(monkeypatch):
    """The payload of each COPY; the first one is held until `go`, so that others gather behind it."""
    seen, go = [], threading.Event()

    def copy_rows(self, payload, *statement):
        seen.append(payload)
        if len(seen) == 1:
            go.wait(10)
        COPY_ROWS(self, payload, *statement)

    monkeypatch.setattr(PatientConnection, "copy_rows", copy_rows)
    seen_and_go = seen, go
    yield seen_and_go
    go.set()


def hand_over(log, many):
    return [log.answers.hand_over(record_of(made)) for made in many]


def outcome(ticket):
    try:
        return ticket.wait(10)
    except Refused as refused:
        return refused


def test_a_row_is_in_the_table_when_its_wait_returns(log):
    made = answers([0.25, 0.75])
    assert log.write(made) is Durability.POSTGRES
    assert stored() == ids_of([made])


def test_concurrent_answers_share_commits(log, copies):
    seen, go = copies
    many = [answers() for _ in range(40)]
    first = hand_over(log, many[:1])
    while not seen:
        time.sleep(0.001)
    others = hand_over(log, many[1:])
    go.set()
    assert [outcome(ticket) for ticket in first + others] == [Durability.POSTGRES] * 40
    assert len(seen) == 2, "one for the first, one for all that gathered meanwhile"
    assert stored() == ids_of(many)


def test_each_of_many_threads_finds_its_rows_when_it_is_told_so(log):
    def ask(_):
        made = answers()
        log.write(made)
        with PatientConnection.open(deadline=5.0) as connection:
            return connection.execute("SELECT count(*) FROM predictions_prediction WHERE id = %s", made.ids).fetchone()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(40))) == [(1,)] * 40


@pytest.mark.parametrize("at", [0, 6, 12])
def test_a_refused_row_fails_its_own_answer_alone(log, copies, at, caplog):
    seen, go = copies
    blocker, many = answers(), [answers() for _ in range(12)]
    tickets = hand_over(log, [blocker])
    while not seen:
        time.sleep(0.001)
    tickets += hand_over(log, [*many[:at], refused_answers(), *many[at:]])
    go.set()
    found = [outcome(ticket) for ticket in tickets]
    assert [type(each) for each in found].count(Refused) == 1
    assert isinstance(found[1 + at], Refused)
    assert stored() == ids_of([blocker, *many])
    assert "Postgres refuses a row of the log" in caplog.text


def test_a_call_of_many_rows_is_stored_whole_or_not_at_all(log):
    with pytest.raises(Refused, match="the log refuses this answer"):
        log.write(refused_answers(count=2 * MANY))
    assert stored() == []
    assert log.write(answers([0.5] * 2 * MANY)) is Durability.POSTGRES
    assert len(stored()) == 2 * MANY


def test_a_large_call_goes_beside_the_small_ones_and_not_before_them(log, monkeypatch):
    go = threading.Event()

    def slow_when_large(self, payload, *statement):
        if len(payload) > 10_000:
            go.wait(10)
        COPY_ROWS(self, payload, *statement)

    monkeypatch.setattr(PatientConnection, "copy_rows", slow_when_large)
    with ThreadPoolExecutor(1) as pool:
        large = pool.submit(log.write, answers([0.5] * MANY))
        assert log.write(answers()) is Durability.POSTGRES
        go.set()
        assert large.result(10) is Durability.POSTGRES


def test_the_writer_survives_what_it_does_not_know(log, monkeypatch, caplog):
    def fail(self, payload, *statement):
        raise RuntimeError("unforeseen")

    first = answers()
    log.write(first)
    with monkeypatch.context() as patch:
        patch.setattr(PatientConnection, "copy_rows", fail)
        with pytest.raises(RuntimeError, match="unforeseen"):
            log.write(answers())
    later = answers()
    assert log.write(later) is Durability.POSTGRES
    assert stored() == ids_of([first, later])
    assert "met what it does not know" in caplog.text


@THREADS_DIE
def test_a_dead_writer_is_started_again_and_told(log, monkeypatch, caplog):
    def die(self, group):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "_write", die)
        began = time.monotonic()
        with pytest.raises(Unavailable, match="died"):
            log.write(answers())
        assert time.monotonic() - began < 5, "who waits on a dead writer is told at once"
    log.answers._thread.join(5)
    assert (log.answers.started, log.answers.alive) == (True, False)
    made = answers()
    assert log.write(made) is Durability.POSTGRES
    assert stored() == ids_of([made])
    assert "had died and is started again" in caplog.text


@THREADS_DIE
def test_answers_behind_the_one_that_kills_the_writer_are_stored_by_the_next(log, monkeypatch):
    handed_over, write_all_of = threading.Event(), Writer._write_all_of

    def die_once(self, group):
        monkeypatch.setattr(Writer, "_write_all_of", write_all_of)
        handed_over.wait(10)
        raise SystemExit

    monkeypatch.setattr(Writer, "_write_all_of", die_once)
    lost, *_ = hand_over(log, [answers()])
    while not log.answers._queue.empty():
        time.sleep(0.001)
    behind = answers()
    [ticket] = hand_over(log, [behind])
    handed_over.set()
    assert outcome(ticket) is Durability.POSTGRES
    assert lost.pending
    assert stored() == ids_of([behind])


def test_a_wait_has_a_deadline():
    with pytest.raises(Unavailable, match=r"not logged within 0.05 s") as refused:
        Ticket(record_of(answers())).wait(0.05)
    assert refused.value.code == "not_logged"


def test_a_server_that_swallows_everything_sends_the_rows_to_the_spool_within_the_deadline(tmp_path):
    with log_in(tmp_path, deadline=0.3) as log, PatientConnection.open(deadline=5.0) as other, other.transaction():
        log.write(answers())
        other.execute("LOCK TABLE predictions_prediction")
        began = time.monotonic()
        assert log.write(answers()) is Durability.SPOOL
        assert time.monotonic() - began < 2
    log.replayer.turn()
    assert len(stored()) == 2


def test_relaxed_hands_over_and_drain_stores_all(tmp_path):
    many = [answers() for _ in range(200)]
    with log_in(tmp_path, relaxed=True) as log:
        assert {log.write(made) for made in many} == {Durability.MEMORY}
        log.drain()
        assert stored() == ids_of(many)


def test_what_comes_behind_the_drain_is_stored_too(log):
    many = [answers() for _ in range(3)]
    for made in many:
        assert log.write(made) is Durability.POSTGRES
        log.drain()
        assert not log.answers.started
    assert stored() == ids_of(many)


def test_no_answer_is_lost_between_the_end_of_one_thread_and_the_start_of_the_next(log):
    many = [answers() for _ in range(300)]
    with ThreadPoolExecutor(4) as pool:
        told = pool.map(log.write, many)
        for _ in range(20):
            log.answers.drain(1.0)
            time.sleep(0.002)
        assert set(told) == {Durability.POSTGRES}
    assert stored() == ids_of(many)


def test_a_writer_whose_connection_is_cut_sets_its_rows_aside_and_the_replay_brings_them(log, caplog):
    caplog.set_level(logging.WARNING)
    first, second = answers(), answers()
    log.write(first)
    with PatientConnection.open(deadline=5.0) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [log.answers._connection.info.backend_pid])
    assert log.write(second) is Durability.SPOOL
    assert log.answers.away.is_set()
    log.replayer.turn()
    assert not log.answers.away.is_set()
    assert log.write(answers()) is Durability.POSTGRES
    assert len(stored()) == 3
    assert "goes to the spool" in caplog.text
