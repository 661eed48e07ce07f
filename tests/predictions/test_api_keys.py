"""API keys: shown once, stored as a hash, with known scopes."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction

from cryptoml_site.errors import Invalid
from predictions.models import ApiKey

pytestmark = pytest.mark.django_db


def issue(**facts):
    return ApiKey.objects.issue(**{"name": "test", "scopes": ["predict"], "created_by": "user:tester", **facts})


def test_the_secret_is_stored_nowhere():
    _, secret = issue()
    stored = " ".join(str(value) for value in ApiKey.objects.values_list().get())
    assert secret not in stored
    assert secret.partition(".")[2] not in stored


def test_a_key_matches_its_own_secret_alone():
    (first, secret), (second, _) = issue(), issue()
    assert first.matches(secret)
    assert not second.matches(secret)
    assert not first.matches(secret + "x")


def test_an_unknown_scope_is_refused_by_name():
    with pytest.raises(ValidationError, match="no such scope: admin"):
        issue(scopes=["predict", "admin"])


def test_postgres_refuses_an_unknown_scope_too():
    key, _ = issue()
    with pytest.raises(IntegrityError, match="a_key_has_known_scopes_only"), transaction.atomic():
        ApiKey.objects.filter(pk=key.pk).update(scopes=["root"])


def test_revoking_twice_keeps_the_first_moment():
    key, _ = issue()
    key.revoke()
    first = key.revoked_at
    key.revoke()
    assert key.revoked_at == first


def test_the_command_shows_the_secret_alone_on_its_output(capsys):
    call_command("issue_key", "robot", scope=["predict"])
    said = capsys.readouterr()
    assert ApiKey.objects.get().matches(said.out.strip())
    assert said.out.strip() not in said.err


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_the_command_wants_a_name_of_1_to_100_characters(name):
    with pytest.raises(Invalid, match="1 to 100") as refused:
        call_command("issue_key", name, scope=["predict"])
    assert refused.value.field == "name"


def test_the_command_gives_a_scope_once():
    call_command("issue_key", "x" * 100, "--scope", "predict", "--scope", "predict")
    assert ApiKey.objects.get().scopes == ["predict"]


def test_the_name_of_an_account_is_cut_to_a_label(monkeypatch):
    monkeypatch.setenv("LOGNAME", "\udcff" + "n" * 200)
    call_command("issue_key", "robot", scope=["predict"])
    assert ApiKey.objects.get().created_by == "command:?" + "n" * 91
