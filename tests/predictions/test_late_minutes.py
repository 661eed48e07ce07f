"""A row that comes into the log long after its minute names that minute, in its own transaction; others name none."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from predictions import log
from predictions.log import writer
from predictions.log.late import FINAL_AFTER, LATE_AFTER, STALL, late_minutes
from predictions.log.postgres import PatientConnection
from predictions.log.replay import Replayer
from predictions.models import DroppedMonth, LateMinute
from predictions.partitions import drop_partition, ensure_partitions
from tests.predictions.rows_of_the_log import answers, log_in, record_of, refused_answers, stored
from tests.predictions.test_spool import left_behind

MADE = datetime(2026, 11, 23, 10, 0, 30, tzinfo=UTC)
MINUTE = MADE.replace(second=0)


@pytest.fixture
def made(set_clock):
    """One answer, of 10:00:30."""
    set_clock(MADE.isoformat())
    return answers()


@pytest.fixture
def written(tmp_path):
    with log_in(tmp_path / "spool") as opened:
        yield opened


def noted():
    return list(LateMinute.objects.values_list("minute", flat=True))


def milliseconds(moment):
    return round(moment.timestamp() * 1_000)


@pytest.mark.parametrize(("at", "late"), [("10:01:59.999", []), ("10:02:00", [MINUTE]), ("11:00:00", [MINUTE])])
def test_a_row_is_late_a_minute_after_its_minute_ended(set_clock, at, late):
    set_clock(f"2026-11-23T{at}Z")
    assert late_minutes([milliseconds(MADE)]) == late


def test_each_late_minute_is_named_once_in_order(set_clock):
    set_clock("2026-11-23T11:00:00Z")
    moments = [milliseconds(MADE + timedelta(seconds=20 * step)) for step in (4, 0, 1, 2)]
    assert late_minutes(moments) == [MINUTE, MINUTE + timedelta(minutes=1)]


def test_what_is_not_late_is_not_final_either_however_slow_its_process():
    assert LATE_AFTER + timedelta(seconds=STALL) < FINAL_AFTER


@pytest.mark.django_db
def test_a_caller_of_copy_names_it_in_the_callers_transaction(made, set_clock):
    set_clock("2026-11-23T10:05:00Z")
    with transaction.atomic():
        log.copy([made])
        assert (noted(), stored()) == ([MINUTE], made.ids)
        transaction.set_rollback(True)
    assert (noted(), stored()) == ([], [])


@pytest.mark.django_db
def test_where_nothing_is_late_nothing_is_asked_of_postgres(made):
    with CaptureQueriesContext(connection) as asked:
        log.copy([made])
    assert not [query for query in asked if "lateminute" in query["sql"]]


@pytest.mark.django_db(transaction=True)
def test_a_writer_names_it_with_its_rows(made, written, set_clock):
    set_clock("2026-11-23T10:05:00Z")
    assert written.write(made) is log.Durability.POSTGRES
    assert (noted(), stored()) == ([MINUTE], made.ids)


@pytest.mark.django_db(transaction=True)
def test_a_writer_that_is_in_time_names_nothing(made, written):
    written.write(made)
    assert (noted(), stored()) == ([], made.ids)


@pytest.mark.django_db(transaction=True)
def test_rows_that_postgres_refuses_name_nothing_and_those_beside_them_do(made, written, set_clock):
    bad = refused_answers()
    set_clock("2026-11-23T10:05:00Z")
    tickets = [writer.Ticket(record_of(each)) for each in (bad, made)]
    written.answers._write(tickets)
    written.answers._disconnect()
    assert (noted(), stored()) == ([MINUTE], made.ids)


@pytest.mark.django_db(transaction=True)
def test_a_writer_that_was_stopped_on_its_way_looks_again(made, written, set_clock, monkeypatch):
    copy_rows = PatientConnection.copy_rows

    def slowly(self, payload, *statement):
        set_clock("2026-11-23T10:10:00Z")
        copy_rows(self, payload, *statement)

    monkeypatch.setattr(PatientConnection, "copy_rows", slowly)
    monkeypatch.setattr(writer, "STALL", -1.0)
    written.write(made)
    assert (noted(), stored()) == ([MINUTE], made.ids)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("at", "late"), [("10:01:00", []), ("10:05:00", [MINUTE])])
def test_a_replayed_spool_names_the_minutes_of_its_rows(made, written, set_clock, at, late):
    left_behind(written.spool.folder, [made])
    set_clock(f"2026-11-23T{at}Z")
    Replayer(written.spool, ()).turn()
    assert (noted(), stored()) == (late, made.ids)


@pytest.mark.django_db(transaction=True)
def test_a_replay_names_the_minute_of_a_row_that_came_by_itself_too(made, written, set_clock):
    """Its commit was not confirmed, so nobody knows when it came."""
    written.write(made)
    left_behind(written.spool.folder, [made])
    set_clock("2026-11-23T10:05:00Z")
    Replayer(written.spool, ()).turn()
    assert (noted(), stored()) == ([MINUTE], made.ids)


@pytest.mark.django_db
def test_a_month_that_is_dropped_is_remembered(set_clock):
    set_clock("2025-03-10T00:00:00Z")
    ensure_partitions(months_ahead=0)
    set_clock("2025-05-10T00:00:00Z")
    assert drop_partition(datetime(2025, 3, 5, tzinfo=UTC))
    assert not drop_partition(datetime(2025, 3, 5, tzinfo=UTC))
    assert [f"{dropped}" for dropped in DroppedMonth.objects.all()] == ["2025-03"]
