"""The ledger: append-only for everybody, one order for all models, and an answer to 'what was in production at T'."""

from datetime import timedelta
from threading import Event, Thread

import pytest
from django.db import IntegrityError, connection, transaction

from cryptoml_site.clock import now
from registry.models import Deployment, ModelVersion
from tests.factories import make_model, make_version

WHO = {"actor": "user:operator", "reason": "better"}

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE registry_deployment SET reason = 'never happened'",
        "DELETE FROM registry_deployment",
        "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE registry_deployment CASCADE",
        "SET LOCAL session_replication_role = DEFAULT; DELETE FROM registry_deployment",
    ],
)
def test_postgres_refuses_to_change_the_ledger(statement):
    make_version().promote(**WHO)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Deployment.objects.count() == 2


def test_two_production_versions_are_refused_even_when_the_code_forgets():
    make_version().promote(**WHO)
    other = make_version()
    with pytest.raises(IntegrityError, match="one_production_version_per_model"), transaction.atomic():
        ModelVersion.objects.filter(pk=other.pk).update(stage="production")


def test_an_actor_without_a_kind_is_refused():
    with pytest.raises(IntegrityError, match="an_actor_is_a_label"), transaction.atomic():
        make_version().promote(actor="anna", reason="better")


def test_what_was_in_production_at_a_past_moment_is_read_from_the_ledger():
    first, second = make_version(), make_version()
    first.promote(**WHO)
    between = now()
    second.promote(**WHO)
    assert [row.to_version for row in Deployment.objects.in_force(between)] == [first]
    assert [row.to_version for row in Deployment.objects.in_force()] == [second]
    assert not Deployment.objects.in_force(between - timedelta(hours=1)).exists()


@pytest.mark.django_db(transaction=True)
def test_generations_commit_in_their_order_over_all_models():
    """A move of one model waits for the other's: nobody can see a row and later one with a lower number."""
    slow, quick = make_version(), make_version(model=make_model("other", default=False))
    recorded, seen = Event(), Event()

    def hold():
        with transaction.atomic():
            slow.to_staging(**WHO)
            recorded.set()
            seen.wait(0.5)
        connection.close()

    holder = Thread(target=hold)
    holder.start()
    recorded.wait(5)
    moved = quick.to_staging(**WHO)  # waits for the holder
    assert list(Deployment.objects.filter(generation__lt=moved.generation)) == [slow.deployments.get()]
    holder.join()
