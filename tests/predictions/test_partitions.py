"""The log's months: made ahead, made twice without harm, strays moved where they belong."""

from datetime import UTC, datetime
from threading import Thread

import pytest
from django.db import OperationalError, connection, transaction

from cryptoml_site.clock import now
from predictions import partitions
from predictions.models import Prediction
from predictions.partitions import LOG, STRAYS, ensure_partitions, month_start
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
        make(*args)

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
