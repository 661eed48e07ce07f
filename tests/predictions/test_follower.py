"""The follower: it brings moves into the process, and nothing ends it."""

import pytest
from django.db import OperationalError

from predictions import log
from predictions.engine import engine
from predictions.follower import Follower
from predictions.keyring import keyring
from registry.bundles import BundleAltered
from tests.factories import make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def followed(monkeypatch, settings, tmp_path):
    """A follower that leaves this test's connection open."""
    settings.STATE_DIR = tmp_path
    monkeypatch.setattr("predictions.follower.close_old_connections", lambda: None)
    monkeypatch.setattr("predictions.follower.connection.close", lambda: None)
    return Follower(engine, keyring, log.log)


def test_a_look_brings_a_promotion_into_the_process(production, followed):
    make_version(model=production.model, probability_up=0.4).promote(actor="user:o", reason="better")
    followed.try_to_look()
    assert engine.snapshot.serving["bitcoin-usd-1d"].version.number == 2
    assert followed.seconds_behind() < 5


@pytest.mark.parametrize("error", [OperationalError("away"), MemoryError(), RuntimeError("unforeseen")])
def test_whatever_fails_it_goes_on_with_what_it_has(production, followed, monkeypatch, error):
    with monkeypatch.context() as patch:
        patch.setattr(engine, "refresh", lambda: (_ for _ in ()).throw(error))
        followed.try_to_look()
    assert engine.snapshot.serving["bitcoin-usd-1d"].version.number == 1
    followed.try_to_look()
    assert followed.last_look is not None


def test_a_refused_bundle_is_tried_again(production, followed, monkeypatch):
    make_version(model=production.model, probability_up=0.4).promote(actor="user:o", reason="better")
    with monkeypatch.context() as patch:
        patch.setattr("predictions.sessions.read_file", lambda *_: (_ for _ in ()).throw(BundleAltered("gone")))
        followed.try_to_look()
    assert engine.snapshot.problems
    monkeypatch.setattr(engine, "_retry_at", 0.0)
    followed.try_to_look()
    assert not engine.snapshot.problems
    assert engine.snapshot.serving["bitcoin-usd-1d"].version.number == 2
