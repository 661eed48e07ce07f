import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.test import TransactionTestCase

from registry.models import Deployment
from tests.factories import make_version

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_teardown_of_a_transactional_test_leaves_what_migrations_left_and_nothing_else():
    User.objects.create_user("anna")
    make_version().promote(actor="user:anna", reason="first")
    groups = set(Group.objects.values_list("pk", "name", "permissions"))
    Group.objects.all().delete()
    TransactionTestCase()._fixture_teardown()
    assert not User.objects.exists()
    assert not Deployment.objects.exists()
    assert set(Group.objects.values_list("pk", "name", "permissions")) == groups


def test_a_flush_within_a_test_is_refused():
    with pytest.raises(CommandError) as refused:
        call_command("flush", interactive=False, verbosity=0)
    assert "append-only" in str(refused.value.__cause__)


def test_the_refusal_is_back_after_a_teardown():
    TransactionTestCase()._fixture_teardown()
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute("TRUNCATE registry_deployment CASCADE")
