"""A client of the API with a key, and an engine that has looked at this test's ledger."""

import pytest
from rest_framework.test import APIClient

from predictions.engine import engine
from predictions.keyring import keyring
from predictions.models import ApiKey, Scope
from tests.factories import make_version


@pytest.fixture(autouse=True)
def _fresh_process(db):
    """Each test begins with a process that has seen nothing, and leaves one behind."""
    engine.__init__()
    keyring.__init__()
    yield
    engine.__init__()
    keyring.__init__()


@pytest.fixture
def production(db):
    """Version 1 of the default model, in production, and known to this process."""
    version = make_version()
    version.promote(actor="user:operator", reason="first")
    engine.refresh()
    return version


def client_with(scopes, **headers):
    key, secret = ApiKey.objects.issue(name="test", scopes=scopes, created_by="user:tester")
    client = APIClient(headers={"X-API-Key": secret, **headers})
    client.key, client.secret = key, secret
    return client


@pytest.fixture
def client(db):
    """A client whose key has all scopes."""
    return client_with(Scope.values)
