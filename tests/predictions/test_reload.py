"""Moves and keys reach a process within a second: told, polled for where nothing was heard, after a cut connection."""

import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from django.conf import settings as site
from django.db import connection
from rest_framework.exceptions import AuthenticationFailed

from predictions import log, sessions
from predictions.engine import Engine
from predictions.follower import POLL_SECONDS, Follower
from predictions.keyring import KeyRing
from predictions.models import ApiKey, Scope
from predictions.notifications import EVERYTHING, Notifications
from predictions.sessions import MEMORY_PER_BYTE, Sessions
from registry.bundles import ONNX, BundleAltered, read_file
from registry.models import Policy
from tests.factories import alter, make_model, make_policy, make_version

MODEL = "bitcoin-usd-1d"
X = np.ones((1, 9), np.float32)
with_threads = pytest.mark.django_db(transaction=True)


def within(seconds, condition):
    """How long it took until the condition held; fails the test when that was too long."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.002)
    return time.monotonic() - began


@contextmanager
def following():
    """A process of its own: engine, keys, and the thread that keeps it on the ledger."""
    follower = Follower(Engine(), KeyRing(), log.log)
    follower.start()
    try:
        within(5, lambda: follower.last_look is not None and follower._notifications._connection is not None)
        yield follower
    finally:
        follower.stop()
        follower.join(5)
        assert not follower.is_alive()


@pytest.fixture
def state_dir(settings, tmp_path):
    settings.STATE_DIR = tmp_path / "state"


@pytest.fixture
def followed(transactional_db, state_dir, monkeypatch):
    """Polls so seldom that only a notification can bring anything within a second."""
    monkeypatch.setattr("predictions.follower.POLL_SECONDS", 30.0)
    with following() as follower:
        yield follower
        monkeypatch.setattr("predictions.follower.POLL_SECONDS", 0.01)
        _tell(follower)


def _tell(follower):
    """So that its wait ends, and with it the test."""
    follower.stop()
    with connection.cursor() as cursor:
        cursor.execute("NOTIFY cryptoml_moves")


def promoted(**facts):
    version = make_version(**facts)
    version.promote(actor="user:o", reason="better")
    return version


def served(follower):
    held = follower.engine.snapshot.serving.get(MODEL)
    return held and held.version.number


def refused(keys, secret):
    try:
        keys.known(secret)
    except AuthenticationFailed as refusal:
        return refusal.get_codes() == "revoked_key"
    return False


def test_a_move_is_served_well_within_a_second(followed):
    first = promoted()
    within(0.5, lambda: served(followed) == 1)
    second = promoted(model=first.model, probability_up=0.3)
    assert second.number == 2
    within(0.5, lambda: served(followed) == 2)
    first.model.rollback(actor="user:o", reason="worse")
    within(0.5, lambda: served(followed) == 1)


def test_a_revoked_key_is_refused_within_a_second(followed):
    key, secret = ApiKey.objects.issue(name="k", scopes=[Scope.PREDICT], created_by="user:o")
    within(0.5, lambda: key.prefix in followed.keys.keys)
    assert followed.keys.known(secret).pk == key.pk
    key.revoke()
    within(0.5, lambda: refused(followed.keys, secret))


def test_a_key_that_is_told_while_a_look_fails_is_read_by_the_next(followed, monkeypatch, caplog):
    key, secret = ApiKey.objects.issue(name="k", scopes=[Scope.PREDICT], created_by="user:o")
    within(0.5, lambda: key.prefix in followed.keys.keys)
    load = followed.keys.load
    with monkeypatch.context() as patch:
        failed = threading.Event()
        patch.setattr(followed.keys, "load", lambda: failed.set() or 1 / 0)
        key.revoke()
        assert failed.wait(1)
    assert followed.keys.load == load
    promoted()  # tells moves alone
    within(0.5, lambda: refused(followed.keys, secret))


def policy_held(follower):
    held = follower.engine.snapshot.serving.get(MODEL)
    return held and held.policy


def test_a_changed_policy_holds_within_a_second(followed):
    version = promoted()
    within(0.5, lambda: served(followed) == 1)
    row = make_policy(version.model, max_age_days=7, when_expired="refuse")
    within(0.5, lambda: policy_held(followed) == Policy(7, refuses_expired=True))
    make_policy(version.model, novelty_limit=2, when_novel="abstain")
    within(0.5, lambda: policy_held(followed) == Policy(7, True, 2, True))
    row.delete()
    within(0.5, lambda: policy_held(followed) == Policy())


@with_threads
def test_a_lost_notification_is_made_good_by_the_poll(state_dir, monkeypatch):
    monkeypatch.setattr("predictions.notifications.EVERYTHING", frozenset({"cryptoml_nothing"}))
    with following() as follower:
        version = promoted()
        within(POLL_SECONDS + 0.4, lambda: served(follower) == 1)
        make_policy(version.model, max_age_days=7)
        within(POLL_SECONDS + 0.4, lambda: policy_held(follower) == Policy(7))


def test_a_listener_whose_connection_is_cut_reads_all_again_and_listens_again(followed):
    key, secret = ApiKey.objects.issue(name="k", scopes=[Scope.PREDICT], created_by="user:o")
    within(0.5, lambda: key.prefix in followed.keys.keys)
    cut = followed._notifications._connection
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [cut.info.backend_pid])
    key.revoke()
    within(1, lambda: refused(followed.keys, secret))
    within(1, lambda: followed._notifications._connection not in (None, cut))
    promoted()
    within(0.5, lambda: served(followed) == 1)


@with_threads
def test_after_each_new_connection_everything_counts_as_told():
    notifications = Notifications()
    assert notifications.wait(0.01) == EVERYTHING
    assert notifications.wait(0.01) == frozenset()
    notifications.close()
    assert notifications.wait(0.01) == EVERYTHING
    notifications.close()


def test_while_postgres_is_away_the_time_just_passes(monkeypatch):
    nowhere = {"host": "/nonexistent", "dbname": "none"}
    monkeypatch.setattr("predictions.notifications.parameters", lambda: nowhere)
    began = time.monotonic()
    assert Notifications().wait(0.1) == frozenset()
    assert 0.1 <= time.monotonic() - began < 1


@pytest.fixture
def engine(db):
    return Engine()


@pytest.fixture
def read(monkeypatch):
    """Which bundles were read from disk."""
    seen = []

    def read_and_tell(bundle, name):
        seen.append(bundle)
        return read_file(bundle, name)

    monkeypatch.setattr(sessions, "read_file", read_and_tell)
    return seen


def test_a_staged_version_is_in_memory_before_it_is_promoted_and_the_replaced_one_stays(engine, read):
    first = promoted()
    second = make_version(model=first.model, probability_up=0.3)
    second.to_staging(actor="user:o", reason="next")
    engine.refresh()
    assert sorted(read) == sorted([first.bundle, second.bundle])
    second.promote(actor="user:o", reason="better")
    engine.refresh()
    first.model.rollback(actor="user:o", reason="worse")
    engine.refresh()
    assert len(read) == 2, "neither the promotion nor the rollback loaded anything"


def cost_of(version):
    return MEMORY_PER_BYTE * len(read_file(version.bundle, ONNX))


def test_what_may_answer_next_never_displaces_what_answers(engine, read):
    first = promoted()
    engine.sessions.budget = int(1.5 * cost_of(first))
    second = make_version(model=first.model, probability_up=0.3)
    second.to_staging(actor="user:o", reason="next")
    engine.refresh()
    assert first.bundle in engine.sessions
    assert second.bundle not in engine.sessions


def test_a_full_memory_keeps_no_altered_bundle_from_being_found_before_it_answers(engine, caplog):
    first = promoted()
    engine.refresh()
    engine.sessions.budget = 1
    second = promoted(model=first.model, probability_up=0.3)
    alter(second.bundle, ONNX)
    engine.refresh()
    assert engine.serving(None).version.number == 1
    assert engine.snapshot.problems.keys() == {MODEL}


def test_a_version_that_goes_on_answering_for_an_altered_one_does_so_by_the_newest_policy(engine, caplog):
    first = promoted()
    engine.refresh()
    alter(promoted(model=first.model, probability_up=0.3).bundle, ONNX)
    make_policy(first.model, max_age_days=7)
    engine.refresh()
    held = engine.serving(None)
    assert (held.version.number, held.policy) == (1, Policy(7))


def test_a_policy_that_stays_the_same_lets_the_engine_rest(engine, django_assert_num_queries):
    make_policy(promoted().model, max_age_days=7)
    snapshot = engine.refresh()
    with django_assert_num_queries(2):  # the ledger's generation; the default model and the policies
        assert engine.refresh() is snapshot


@pytest.fixture
def three(db):
    """Three versions, and a memory with room for two."""
    versions = [make_version(model=make_model(), probability_up=0.2 + 0.2 * number) for number in range(3)]
    return Sessions(budget=int(2.5 * cost_of(versions[0]))), [version.bundle for version in versions]


def held(found, bundles):
    return [bundle in found for bundle in bundles]


def test_what_was_asked_longest_ago_leaves_the_memory_and_comes_back_when_asked(three, read):
    found, (first, second, third) = three
    for bundle in (first, second, first, third):
        found.scored(bundle, X)
    assert held(found, (first, second, third)) == [True, False, True]
    assert found.scored(second, X).probability_up[0] == pytest.approx(0.4)
    assert held(found, (first, second, third)) == [False, True, True]
    assert read == [first, second, third, second]


def test_an_altered_bundle_that_must_be_read_again_is_refused(three):
    found, (first, second, third) = three
    for bundle in (first, second, third):
        found.scored(bundle, X)
    alter(first, ONNX)
    with pytest.raises(BundleAltered):
        found.scored(first, X)
    assert found.scored(third, X).probability_up[0] == pytest.approx(0.6)


def test_a_request_that_holds_a_session_answers_although_it_was_dropped(three):
    found, (first, *_) = three
    session = found.load(first)
    found.keep_only([])
    assert first not in found
    assert session.classifier.probability_up(X)[0] == pytest.approx(0.2)


def test_many_threads_that_ask_for_more_than_fits_all_get_their_own_versions_number(three):
    found, bundles = three
    wrong = []

    def ask(number):
        for turn in range(30):
            place = (number + turn) % 3
            if abs(found.scored(bundles[place], X).probability_up[0] - (0.2 + 0.2 * place)) > 1e-6:
                wrong.append(place)

    threads = [threading.Thread(target=ask, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []


def test_the_memory_for_models_is_a_setting():
    assert Engine().sessions.budget == site.MODEL_CACHE
