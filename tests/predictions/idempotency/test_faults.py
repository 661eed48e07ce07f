"""One key at once, and what dies in between."""

from collections import Counter
from itertools import chain

import pytest
from django.db import OperationalError, connection, connections

from predictions import log
from predictions.keyring import keyring
from predictions.log import Log
from predictions.log.postgres import PatientConnection
from predictions.models import IdempotentReply, IdempotentReplyQuerySet, Prediction
from tests.predictions.idempotency.requests import (
    BATCH,
    LANES,
    again_until_it_is_settled,
    in_threads,
    kill,
    with_commits,
)

# --- at once ---


@with_commits
def test_twenty_at_once_are_answered_once(ask):
    told = in_threads(*[lambda lane=lane: ask(lane=lane) for lane in LANES * 10])
    statuses = Counter(one.status for one in told)
    assert statuses[200] >= 1
    assert statuses.keys() <= {200, 409}
    assert len({one.content for one in told if one.status == 200}) == 1
    assert sum(one.replayed is None for one in told if one.status == 200) == 1
    assert {one.refusal for one in told if one.status == 409} <= {(409, "idempotency_under_way", "Idempotency-Key")}
    assert Prediction.objects.count() == IdempotentReply.objects.count() == 1


@with_commits
@pytest.mark.parametrize("lane", LANES)
def test_while_one_is_under_way_the_others_are_asked_to_come_again(ask, asked, beside, lane):
    with beside.transaction():
        beside.execute("SELECT pg_advisory_xact_lock(%s)", [asked.lock])
        told = ask(lane=lane)
        assert told.refusal == (409, "idempotency_under_way", "Idempotency-Key")
        assert told.headers["Retry-After"] == "1"
        assert ask(key="other", lane=lane).status == 200
    assert ask(lane=lane).status == 200


@with_commits
def test_keys_in_opposite_order_do_not_deadlock(ask):
    def in_order(*keys):
        return lambda: [ask(BATCH, path="/predict/batch", key=f"{key}{turn}") for turn in range(20) for key in keys]

    told = in_threads(in_order("a", "b"), in_order("b", "a"))
    assert {one.status for one in chain(*told)} <= {200, 409}
    assert IdempotentReply.objects.count() == 40
    assert Prediction.objects.count() == 80


# --- what dies in between ---


@with_commits
@pytest.mark.parametrize("lane", LANES)
def test_a_connection_that_dies_before_the_commit_leaves_nothing_and_the_retry_settles_it(
    ask, beside, monkeypatch, lane
):
    put = IdempotentReplyQuerySet.put

    def put_and_die(self, reply):
        put(self, reply)
        assert Prediction.objects.count() == 1
        kill(beside)

    with monkeypatch.context() as patch:
        patch.setattr(IdempotentReplyQuerySet, "put", put_and_die)
        assert ask(lane=lane).refusal == (503, "database_unavailable", None)
    assert Prediction.objects.count() == IdempotentReply.objects.count() == log.log.spool.rows == 0
    told = ask(lane=lane)
    assert (told.status, told.replayed, ask(lane=lane).content) == (200, None, told.content)
    assert Prediction.objects.count() == 1


@with_commits
def test_a_connection_that_dies_in_the_copy_is_told_as_the_database(ask, beside, monkeypatch):
    copy = log.copy

    def die_and_copy(many):
        kill(beside)
        copy(many)

    with monkeypatch.context() as patch:
        patch.setattr(log, "copy", die_and_copy)
        assert ask().refusal == (503, "database_unavailable", None)
    assert (ask().status, Prediction.objects.count()) == (200, 1)


@with_commits
def test_a_commit_whose_reply_was_lost_is_found_by_the_retry(ask, monkeypatch):
    commit = connection.commit

    def commit_and_lose():
        commit()
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr(connections["default"], "commit", commit_and_lose)
        assert ask().refusal == (503, "database_unavailable", None)
    again = ask()
    assert (again.status, again.replayed) == (200, "true")
    assert str(Prediction.objects.get().pk) == again.id
    assert log.log.spool.rows == 0


@with_commits
def test_a_process_that_is_killed_in_the_middle_leaves_the_key_to_the_next(ask, asked):
    with PatientConnection.open(deadline=5) as dying:
        dying.execute("BEGIN")
        dying.execute("SELECT pg_advisory_xact_lock(%s)", [asked.lock])
        dying.execute(
            "INSERT INTO predictions_idempotentreply "
            "(caller, key, path, body_sha256, reply, model, version, created_at) "
            "VALUES (%s, %s, %s, %s, 'half', 'm', 1, now())",
            [asked.caller, asked.key, asked.path, asked.body_sha256],
        )
        assert ask().status == 409
        dying.close()
    told = again_until_it_is_settled(ask)
    assert (told.status, told.replayed, Prediction.objects.count()) == (200, None, 1)


@with_commits
def test_a_connection_that_died_while_idle_costs_no_answer(ask, beside):
    """In the short lane, which Django's own care for its connections does not reach."""
    ask()
    keyring.load()
    kill(beside)
    assert ask(lane="short").replayed == "true"


@with_commits
@pytest.mark.parametrize("lane", LANES)
def test_while_postgres_is_away_a_key_gets_503_and_others_are_answered(ask, monkeypatch, tmp_path, lane):
    told = ask()
    keyring.load()
    logged = Log(tmp_path, limit=10**6, deadline=5, relaxed=False)
    monkeypatch.setattr(log, "write", logged.write)

    def refuse(*_):
        raise OperationalError("connection refused")

    connection.close()
    with monkeypatch.context() as patch:
        patch.setattr(type(connections["default"]), "get_new_connection", refuse)
        assert ask(lane=lane).refusal == (503, "database_unavailable", None)
        assert ask(key=None, lane=lane).status == 200
        assert ask(lane=lane).status == 503
    assert (ask(lane=lane).content, log.log.spool.rows) == (told.content, 0)
    logged.drain()
