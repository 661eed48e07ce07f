"""The log's months: made ahead, made twice without harm, strays moved where they belong; dropped when they are past."""

import time
from datetime import UTC, datetime
from threading import Event, Thread

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from predictions import partitions
from predictions.log.postgres import parameters
from predictions.models import Prediction
from predictions.partitions import LOG, STRAYS, drop_partition, ensure_partitions, month_start
from tests.factories import make_prediction, make_version

pytestmark = pytest.mark.django_db


def partition_of(prediction):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT tableoid::regclass::text FROM {LOG} WHERE id = %s", [prediction.id])  # noqa: S608
        return cursor.fetchone()[0]


def test_migrate_leaves_this_month_and_three_ahead():
    assert ensure_partitions(months_ahead=3) == []


def test_a_row_lies_in_the_partition_of_its_moment():
    moment = now()
    assert partition_of(make_prediction(made_at=moment)) == f"{LOG}_{moment:%Y_%m}"


def test_a_stray_is_caught_and_moved_when_its_month_is_made():
    beyond = month_start(now(), months_later=4)
    stray = make_prediction(made_at=beyond)
    assert partition_of(stray) == STRAYS
    assert ensure_partitions(months_ahead=4) == [f"{LOG}_{beyond:%Y_%m}"]
    assert partition_of(stray) == f"{LOG}_{beyond:%Y_%m}"
    assert Prediction.objects.get() == stray


@pytest.mark.parametrize(
    ("moment", "later", "start"),
    [((2026, 12, 31), 1, (2027, 1, 1)), ((2026, 1, 31), 1, (2026, 2, 1)), ((2026, 11, 23), 14, (2028, 1, 1))],
)
def test_months_are_counted_over_the_turn_of_the_year(moment, later, start):
    assert month_start(datetime(*moment, tzinfo=UTC), months_later=later) == datetime(*start, tzinfo=UTC)


def test_since_reads_no_partition_of_an_earlier_month():
    plan = Prediction.objects.since(month_start(now(), months_later=1)).explain()
    assert f"{LOG}_{now():%Y_%m}" not in plan


def test_what_becomes_of_a_busy_log_is_tried_again(monkeypatch):
    beyond, failures = month_start(now(), months_later=4), [OperationalError("lock timeout")] * 2
    make = partitions._make_partition

    def busy(*args):
        if failures:
            raise failures.pop()
        return make(*args)

    monkeypatch.setattr(partitions, "_make_partition", busy)
    monkeypatch.setattr(partitions, "PAUSE_SECONDS", 0)
    assert ensure_partitions(months_ahead=4) == [f"{LOG}_{beyond:%Y_%m}"]


@pytest.mark.django_db(transaction=True)
def test_no_stray_can_come_while_strays_are_moved():
    """The one that would come in between waits for the move, and finds its own partition after it."""
    beyond, version = month_start(now(), months_later=4), make_version()
    done = []

    def insert():
        done.append(make_prediction(made_at=beyond, version=version))
        connection.close()

    other = Thread(target=insert)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {STRAYS} IN SHARE ROW EXCLUSIVE MODE")
        other.start()
        other.join(0.3)
        assert not done
    other.join()
    ensure_partitions(months_ahead=4)
    assert partition_of(done[0]) == f"{LOG}_{beyond:%Y_%m}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {LOG}_{beyond:%Y_%m}")


@pytest.mark.django_db(transaction=True)
def test_a_month_is_made_while_inserts_go_on():
    """ATTACH waits for no insert into another month; CREATE TABLE ... PARTITION OF would, and give up."""
    beyond, version = month_start(now(), months_later=4), make_version()
    inserted, made = Event(), Event()

    def insert():
        with transaction.atomic():
            make_prediction(made_at=now(), version=version)
            inserted.set()
            made.wait(10)
        connection.close()

    other = Thread(target=insert)
    other.start()
    assert inserted.wait(5)
    assert partitions._make_partition(beyond)
    made.set()
    other.join()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {LOG}_{beyond:%Y_%m}")


def test_a_past_month_is_dropped_with_its_answers_and_others_stay():
    past = month_start(now(), months_later=-2)
    partitions._make_partition(past)
    kept = make_prediction(made_at=now())
    assert partition_of(make_prediction(made_at=past, version=kept.version)) == f"{LOG}_{past:%Y_%m}"
    assert [drop_partition(past), drop_partition(past)] == [True, False]
    assert Prediction.objects.get() == kept


def test_the_month_before_the_present_one_has_ended_and_the_present_one_has_not(set_clock):
    set_clock("2026-11-01T00:00:00Z")
    assert not drop_partition(datetime(2026, 10, 31, tzinfo=UTC))
    with pytest.raises(Refused, match="2026-11 has not ended"):
        drop_partition(now())


def test_a_busy_log_is_asked_again_before_a_month_is_dropped(monkeypatch):
    failures = [OperationalError("lock timeout")] * partitions.ATTEMPTS

    def busy(month):
        raise failures.pop()

    monkeypatch.setattr(partitions, "_drop_partition", busy)
    monkeypatch.setattr(partitions, "PAUSE_SECONDS", 0)
    with pytest.raises(OperationalError):
        drop_partition(month_start(now(), months_later=-2))
    assert failures == []


@pytest.mark.django_db(transaction=True)
def test_a_reader_makes_a_drop_wait_for_no_longer_than_its_lock_timeout():
    """Behind a drop that waits, every insert would wait."""
    past = month_start(now(), months_later=-2)
    partitions._make_partition(past)
    with psycopg.connect(**parameters() | {"autocommit": False}) as reader:
        reader.execute(f"SELECT count(*) FROM {LOG}")  # noqa: S608  # and its transaction goes on
        began = time.monotonic()
        with pytest.raises(OperationalError):
            partitions._drop_partition(past)
        assert 0.2 <= time.monotonic() - began < 1.5
    assert drop_partition(past)
