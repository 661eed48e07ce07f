"""Asked twice under one key, answered once."""

import orjson
import psycopg
import pytest

from predictions import idempotency, log
from predictions.idempotency import forget_expired
from predictions.models import ApiKey, IdempotentReply, IdempotentReplyQuerySet, Prediction, Scope
from predictions.tasks import forget_idempotent_replies
from tests.factories import make_version
from tests.predictions.conftest import client_with
from tests.predictions.idempotency.requests import BATCH, BODY, LANES, OTHER, in_drfs_lane, in_threads, with_commits
from training.features.classic import EXAMPLE

# --- asked twice, answered once ---


@pytest.mark.parametrize("first", LANES)
@pytest.mark.parametrize("second", LANES)
@pytest.mark.parametrize(("path", "body", "rows"), [("/predict", BODY, 1), ("/predict/batch", BATCH, 2)])
def test_the_same_key_gives_the_first_reply_again_in_whichever_lane(ask, first, second, path, body, rows):
    told, again = ask(body, path=path, lane=first), ask(body, path=path, lane=second)
    assert (told.status, again.status, again.content) == (200, 200, told.content)
    assert (told.replayed, again.replayed) == (None, "true")
    assert Prediction.objects.count() == rows


@pytest.mark.parametrize("lane", LANES)
def test_the_first_reply_is_the_usual_one_and_is_in_the_log(ask, lane):
    usual, told = ask(key=None, lane=lane), ask(lane=lane)
    assert orjson.loads(told.content).keys() == orjson.loads(usual.content).keys()
    assert told.headers.keys() == usual.headers.keys()
    assert told.headers["Content-Type"] == "application/json"
    assert Prediction.objects.get(pk=told.id).actor == IdempotentReply.objects.get().caller


def test_requests_without_the_header_never_come_near(ask, monkeypatch):
    monkeypatch.setattr("predictions.views.answering.first_reply", lambda *_, **__: pytest.fail("it did"))
    assert ask(key=None).id != ask(key=None).id
    assert not IdempotentReply.objects.exists()


def test_keys_are_told_apart(ask):
    assert ask(key="a").id != ask(key="A").id


def test_a_promotion_in_between_changes_nothing(ask, production, client):
    told = ask()
    make_version(model=production.model, probability_up=0.4).promote(actor="user:o", reason="better")
    client.post("/models/reload")
    assert ask().content == told.content
    assert orjson.loads(ask(key="next").content)["version"] == 2


def test_the_same_request_under_the_other_address_is_the_same(ask):
    assert ask(path="/api/v1/predict").id == ask(path="/predict").id


def test_a_body_that_is_only_written_otherwise_is_the_same(ask):
    otherwise = orjson.dumps(dict(reversed(EXAMPLE.items())), option=orjson.OPT_INDENT_2)
    assert ask(otherwise).id == ask().id


def test_numbers_of_any_size_are_told_apart(ask):
    first, second = (orjson.dumps(EXAMPLE).replace(b"25000000000", b"1" + b"0" * zeros) for zeros in (30, 31))
    assert ask(first).id == ask(first).id
    assert ask(second).refusal[1] == "idempotency_key_reused"


def test_a_replay_is_measured_under_the_version_that_answered(client, production):
    sent = {"format": "json", "headers": {"Idempotency-Key": "k"}}
    told, again = (client.post("/predict", EXAMPLE, **sent) for _ in range(2))
    assert told.answered_by == again.answered_by == ("bitcoin-usd-1d", 1)


def test_people_see_the_same_reply_in_the_page(client, production):
    told = client.post("/predict", EXAMPLE, format="json", headers={"Idempotency-Key": "k"}).json()
    page = client.post(
        "/predict", EXAMPLE, format="json", headers={"Idempotency-Key": "k", "Accept": "text/html"}
    ).content.decode()
    assert told["id"] in page


def test_the_schema_says_how(client):
    operation = client.get("/schema", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    asking = operation["paths"]["/api/v1/predict"]["post"]
    assert {"in": "header", "name": "Idempotency-Key"}.items() <= asking["parameters"][0].items()
    assert "Idempotency-Replayed" in asking["responses"]["200"]["headers"]
    assert asking["responses"].keys() >= {"409", "422"}


def test_each_try_takes_a_token(ask):
    _, secret = ApiKey.objects.issue(name="slow", scopes=["predict"], created_by="user:t", rate_limit=2)
    assert [ask(secret=secret).status for _ in range(3)] == [200, 200, 429]


# --- what is refused ---


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize(("body", "path"), [(OTHER, "/predict"), (BODY, "/predict/batch")])
def test_another_request_under_the_same_key_is_refused(ask, lane, body, path):
    told = ask()
    assert ask(body, path=path, lane=lane).refusal == (422, "idempotency_key_reused", "Idempotency-Key")
    assert Prediction.objects.count() == 1
    assert ask(lane=lane).content == told.content


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("key", ["", "k" * 256, "tab\there", "nul\0", "line\n", "del\x7f", "schl\xfcssel", "k\xa0"])
def test_a_key_that_is_none_is_refused(ask, lane, key):
    assert ask(key=key, lane=lane).refusal == (400, "bad_idempotency_key", "Idempotency-Key")
    assert not Prediction.objects.exists()


@pytest.mark.parametrize("key", ["k" * 255, " ~!\"'%s\\"])
def test_a_key_may_be_any_printable_text(ask, key):
    assert ask(key=key).id == ask(key=key).id


def test_who_sends_no_api_key_has_no_keys_of_their_own(production, settings):
    settings.ANONYMOUS_SCOPES = {"predict"}
    told = in_drfs_lane(BODY, "/predict", HTTP_IDEMPOTENCY_KEY="k")
    assert told.refusal == (400, "idempotency_needs_a_key", "Idempotency-Key")


def test_another_callers_same_key_is_its_own(ask):
    other = client_with([Scope.PREDICT])
    assert ask().id != ask(secret=other.secret).id
    assert ask(OTHER, secret=other.secret).status == 422
    assert IdempotentReply.objects.count() == 2


@pytest.mark.parametrize("lane", LANES)
def test_a_refusal_is_not_kept(ask, lane):
    assert ask(b'{"price": 1}', lane=lane).status == 400
    assert not IdempotentReply.objects.exists()
    told = ask(lane=lane)
    assert (told.status, told.replayed) == (200, None)


@pytest.mark.parametrize("depth", [300, 600])
def test_a_body_of_brackets_is_refused_as_without_a_key(ask, depth):
    brackets = b"[" * depth + b"]" * depth
    assert ask(brackets).status == ask(brackets, key=None).status == 400


def test_an_answer_that_the_log_refuses_is_not_given(ask, monkeypatch):
    def refuse(many):
        raise psycopg.DataError("numeric field overflow")

    monkeypatch.setattr(log, "copy", refuse)
    assert ask().refusal == (409, "refused", None)
    assert not IdempotentReply.objects.exists()


# --- for 24 hours ---


def test_a_reply_is_kept_for_24_hours_and_no_longer(ask, set_clock):
    told = ask()
    set_clock("2026-11-24T09:59:59Z")
    assert ask().content == told.content
    set_clock("2026-11-24T10:00:00Z")
    anew = ask(OTHER)  # the key is free again
    assert (anew.status, anew.replayed) == (200, None)
    assert ask(OTHER).content == anew.content != told.content
    assert IdempotentReply.objects.count() == 1


def test_what_is_expired_is_deleted_in_chunks_and_nothing_else(ask, set_clock, monkeypatch):
    monkeypatch.setattr(idempotency, "CHUNK", 2)
    for key in "abcde":
        ask(key=key)
    set_clock("2026-11-24T09:00:00Z")
    young = ask(key="young")
    set_clock("2026-11-24T10:00:00Z")
    assert forget_expired() == 5
    assert ask(key="young").content == young.content
    assert Prediction.objects.count() == 6  # the log is another matter


def test_the_task_deletes_them(ask, set_clock):
    ask()
    set_clock("2026-11-25T00:00:00Z")
    forget_idempotent_replies()
    assert not IdempotentReply.objects.exists()


@with_commits
def test_a_key_that_is_used_again_while_old_ones_are_deleted_stays(ask, set_clock, monkeypatch):
    told, forgotten = ask(), []
    set_clock("2026-11-25T00:00:00Z")
    put = IdempotentReplyQuerySet.put

    def put_and_forget(self, reply):
        put(self, reply)
        forgotten.extend(in_threads(forget_expired))  # to which the row is still the old one, and locked

    with monkeypatch.context() as patch:
        patch.setattr(IdempotentReplyQuerySet, "put", put_and_forget)
        anew = ask()
    assert (forgotten, forget_expired()) == ([0], 0)
    assert ask().content == anew.content != told.content
