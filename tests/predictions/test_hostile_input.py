"""What nobody sends who means well, and what must not cost those who do."""

from io import BytesIO

import pytest
from django.db import OperationalError

from cryptoml_site.api.parsers import MOST_PARTS
from cryptoml_site.errors import Unavailable
from predictions.engine import engine
from predictions.follower import follow, follower
from predictions.keyring import KeyRing, keyring
from predictions.short_lane import LARGEST_LEFT, ShortLane
from registry.bundles import ONNX, SIGNATURE
from tests.factories import alter
from tests.predictions.conftest import client_with
from tests.predictions.test_short_lane import in_drfs_lane, in_the_short_lane

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("lane", [in_the_short_lane, in_drfs_lane])
def test_a_body_of_millions_of_empty_rows_is_refused_before_they_are_made(lane, production, client):
    body = b'{"rows": [' + b"[]," * MOST_PARTS + b"[]]}"
    status, _, said = lane(body, path="/predict/batch", HTTP_X_API_KEY=client.secret)
    assert (status, said["errors"][0]["code"]) == (413, "body_too_large")
    assert "parts" in said["errors"][0]["detail"]


def test_while_postgres_is_silent_an_unknown_key_waits_for_nothing(monkeypatch):
    ring = KeyRing()
    ring.check_reachable = follower.check_reachable
    monkeypatch.setattr(follower, "last_look", -1e9)
    with pytest.raises(Unavailable) as refused:
        ring.known("abcdefgh.secret")
    assert refused.value.code == "key_unconfirmed"
    assert not isinstance(refused.value.__cause__, OperationalError)


def test_a_serving_process_asks_its_follower_whether_postgres_answers(monkeypatch):
    for name in ("follower.try_to_look", "follower.start", "log.start", "state.restore"):
        monkeypatch.setattr(f"predictions.follower.{name}", lambda *_: None)
    follow()
    assert keyring.check_reachable == follower.check_reachable


@pytest.mark.parametrize("name", [ONNX, SIGNATURE])
def test_a_bundle_with_any_altered_file_is_not_served(production, client, name):
    alter(production.bundle, name)
    engine.__init__()
    engine.refresh()
    response = client.post("/predict", {"features": {}}, format="json")
    assert (response.status_code, response.json()["errors"][0]["code"]) == (503, "bundle_refused")


@pytest.mark.parametrize(("length", "left"), [(100, 0), (LARGEST_LEFT, 0), (LARGEST_LEFT + 1, LARGEST_LEFT + 1)])
def test_a_small_body_that_was_refused_unread_is_read_to_its_end(length, left):
    """Or the server closes the connection over it, and the client never sees the refusal."""
    body = BytesIO(b"x" * length)
    lane = ShortLane(lambda environ, start_response: [b"no"], {})
    sent = {"PATH_INFO": "/predict", "CONTENT_LENGTH": str(length), "wsgi.input": body}
    assert lane(sent, None) == [b"no"]
    assert len(body.read()) == left


@pytest.mark.parametrize("limit", ["0", "-1", "abc", "1001", "1e2", "", "9" * 30])
@pytest.mark.parametrize("path", ["/predictions", "/models/bitcoin-usd-1d/deployments"])
def test_a_page_of_no_size_is_refused(production, client, path, limit):
    response = client.get(path, {"limit": limit})
    [error] = response.json()["errors"]
    assert (response.status_code, error["code"], error["attr"]) == (400, "invalid", "limit")


def test_an_altered_cursor_is_refused(client):
    response = client.get("/predictions", {"cursor": "abc"})
    [error] = response.json()["errors"]
    assert (response.status_code, error["code"], error["attr"]) == (400, "bad_request", "cursor")


@pytest.mark.parametrize("path", ["/predict", "/predictions", "/models/registry", "/models/bitcoin-usd-1d/promote"])
def test_who_may_ask_may_ask_what_can_be_asked(client, path):
    assert client.options(path).status_code == 200
    assert client_with(["drift:write"]).options(path).status_code == 403
