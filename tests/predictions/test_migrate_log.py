"""The log in a database that an older release made: its months are altered with it, and its rows stay."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from cryptoml_site.clock import now
from predictions.models import Prediction
from predictions.partitions import ensure_partitions
from tests.factories import make_prediction, make_version

pytestmark = pytest.mark.django_db
BEFORE, AFTER = "0011_rate_limits_admit_something", "0012_novelty_and_abstention"


def migrate(to):
    MigrationExecutor(connection).migrate([("predictions", to)])


def nullable(column):
    """Of the log and each of its partitions, whether it takes rows without that column."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, is_nullable = 'YES' FROM information_schema.columns "
            "WHERE table_name LIKE 'predictions_prediction%%' AND column_name = %s",
            [column],
        )
        return dict(cursor.fetchall())


@pytest.fixture
def older():
    """The log as the release before left it, with a month that was attached and a row in it."""
    migrate(BEFORE)
    months = ensure_partitions(months_ahead=5)
    version = make_version()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO predictions_prediction (id, made_at, model_id, version_id, generation, role, actor, market, "
            "horizon, candles_sha256, vector, probability_up, direction, simulated, warnings) VALUES "
            "(gen_random_uuid(), now(), %s, %s, 0, 'production', 'user:o', '', 1, '', '{1}', 0.75, 'up', false, '{}')",
            [version.model_id, version.pk],
        )
    return version, months


def test_every_month_takes_answers_that_abstain_and_rows_of_before_have_no_novelty(older):
    version, months = older
    assert set(nullable("direction").values()) == {False}
    migrate(AFTER)
    tables = nullable("direction")
    assert set(months) < tables.keys()
    assert set(tables.values()) == {True}
    assert Prediction.objects.get().novelty is None
    make_prediction(made_at=now(), version=version, direction=None, novelty=1.5)


def test_a_month_that_is_made_afterwards_takes_them_too():
    ensure_partitions(months_ahead=5)
    assert set(nullable("direction").values()) == {True}


def test_what_abstains_says_how_novel_it_was():
    with pytest.raises(IntegrityError, match="who_abstains_knows_the_novelty"), transaction.atomic():
        make_prediction(made_at=now(), direction=None)


def test_it_is_taken_back_only_while_nobody_abstained(older):
    migrate(AFTER)
    make_prediction(made_at=now(), version=older[0], direction=None, novelty=1.5)
    with pytest.raises(IntegrityError, match="direction"):
        migrate(BEFORE)
