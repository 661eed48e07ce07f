"""Who asks under a key."""

import pytest

from predictions.idempotency import AskedOnce, fingerprint
from predictions.log.postgres import PatientConnection
from tests.predictions.idempotency.requests import BODY, in_drfs_lane, in_the_short_lane
from training.features.classic import EXAMPLE


@pytest.fixture
def ask(client, production):
    """ask(body, key="k", lane="drf", ...) as the client with all scopes; key=None sends no Idempotency-Key."""

    def ask(body=BODY, key="k", *, lane="short", path="/predict", secret=client.secret, **sent):
        headers = {"HTTP_X_API_KEY": secret} | ({} if key is None else {"HTTP_IDEMPOTENCY_KEY": key})
        return {"short": in_the_short_lane, "drf": in_drfs_lane}[lane](body, path, **headers, **sent)

    return ask


@pytest.fixture
def beside(db):
    """A connection of another process."""
    with PatientConnection.open(deadline=5) as opened:
        yield opened


@pytest.fixture
def asked(client):
    """The usual request, as the verb sees it."""
    return AskedOnce(client.key.label, "k", "/predict", fingerprint(EXAMPLE))
