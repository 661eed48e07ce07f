import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.test import TransactionTestCase

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_teardown_of_a_transactional_test_empties_all_tables():
    User.objects.create_user("anna")
    TransactionTestCase()._fixture_teardown()
    assert not User.objects.exists()


def test_a_flush_within_a_test_is_refused():
    with pytest.raises(CommandError) as refused:
        call_command("flush", interactive=False, verbosity=0)
    assert "append-only" in str(refused.value.__cause__)


def test_the_refusal_is_back_after_a_teardown():
    TransactionTestCase()._fixture_teardown()
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute("TRUNCATE registry_deployment CASCADE")
