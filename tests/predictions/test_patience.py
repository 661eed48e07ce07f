"""A query that takes too long ends, and its connection with it."""

import pytest
from django.db import OperationalError, connections
from django.db.backends.signals import connection_created

from predictions import patience


@pytest.fixture
def patient(monkeypatch):
    """Django's own connection is left alone: a second one of the same database is opened while waits are limited."""
    monkeypatch.setattr(patience, "DEADLINE", 0.2)
    patience.limit_waits()
    opened = connections.create_connection("default")
    yield opened
    connection_created.disconnect(dispatch_uid="predictions.patience")
    opened.close()


def test_a_step_over_the_deadline_is_an_operational_error(db, patient):
    with patient.cursor() as cursor, pytest.raises(OperationalError):
        cursor.execute("SELECT pg_sleep(0.5)")


def test_a_quick_one_is_answered(db, patient):
    with patient.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
