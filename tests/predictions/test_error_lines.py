"""Each 5xx response and each failed task is one JSON line that names its request, and bears no secret."""

import json
import logging
import time
from io import StringIO

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse

from cryptoml_site import error_lines
from cryptoml_site.error_lines import Refusals, errors, scrubbed
from cryptoml_site.errors import Unavailable
from cryptoml_site.log_lines import JsonLines
from predictions.engine import engine
from predictions.models import Scope
from predictions.sessions import Sessions
from tests.predictions.conftest import client_with
from tests.predictions.test_short_lane import BODY, in_the_short_lane
from training.features.classic import EXAMPLE

pytestmark = pytest.mark.django_db


class Lines(logging.Handler):
    def __init__(self):
        super().__init__()
        self.setFormatter(JsonLines())
        self.texts = []

    def emit(self, record):
        self.texts.append(self.format(record))

    @property
    def told(self):
        assert not any("\n" in text for text in self.texts)
        return [json.loads(text) for text in self.texts]


@pytest.fixture
def lines(monkeypatch):
    monkeypatch.setattr(error_lines, "refusals", Refusals())
    handler = Lines()
    errors.addHandler(handler)
    yield handler
    errors.removeHandler(handler)


@pytest.fixture
def asker(production):
    client = client_with(Scope.values)
    client.raise_request_exception = False
    return client


@pytest.fixture
def broken(monkeypatch):
    """A model that cannot be asked, by an error whose sentence holds what nobody should read."""

    def break_with(sentence):
        def fail(*args):
            raise RuntimeError(sentence)

        monkeypatch.setattr(Sessions, "scored", fail)

    return break_with


def test_a_failed_answer_is_one_line_with_its_request_and_traceback(asker, broken, lines, production):
    broken("the session broke")
    answer = asker.post("/predict", EXAMPLE, format="json", headers={"x-request-id": "mine-1"})
    [line] = lines.told
    assert (answer.status_code, answer["X-Request-ID"], answer.json()["request_id"]) == (500, "mine-1", "mine-1")
    wanted = {"level": "error", "request_id": "mine-1", "method": "POST", "route": "predict", "status": 500}
    wanted |= {"code": "error", "exception": "RuntimeError", "message": "the session broke"}
    wanted |= {"model": production.model.name, "version": production.number}
    assert line | wanted == line
    assert line["traceback"].startswith("Traceback")
    assert line["traceback"].count("the session broke") == 1


def test_the_short_lane_says_the_same(asker, broken, lines):
    broken("the session broke")
    sent = {"HTTP_X_API_KEY": asker.secret, "HTTP_X_REQUEST_ID": "mine-1"}
    status, headers, body = in_the_short_lane(BODY, **sent)
    asker.post("/predict", EXAMPLE, format="json", headers={"x-request-id": "mine-1"})
    short, drfs = ({**line, "at": "", "traceback": ""} for line in lines.told)
    assert (status, headers["X-Request-ID"], body["request_id"], short) == (500, "mine-1", "mine-1", drfs)


@pytest.fixture
def stderr():
    """All that the loggers of the settings write."""
    written, handlers = StringIO(), {logging.getLogger("django").handlers[0], errors.handlers[0]}
    before = {handler: handler.setStream(written) for handler in handlers}
    yield written
    for handler, stream in before.items():
        handler.setStream(stream)


def test_django_tells_no_traceback_twice(asker, admin_client, broken, stderr, monkeypatch):
    broken("the session broke")
    asker.post("/predict", EXAMPLE, format="json")
    monkeypatch.setattr("monitoring.home._models", lambda: 1 / 0)
    admin_client.raise_request_exception = False
    admin_client.get(reverse("admin:index"))
    said = stderr.getvalue()
    told = [json.loads(line)["event"] for line in said.splitlines()]
    assert said.count("Traceback") == told.count("error") == 2
    assert set(told) == {"error", "request"}


def test_what_fails_outside_of_drf_is_a_line_too(admin_client, lines, monkeypatch):
    monkeypatch.setattr("monitoring.home._models", lambda: 1 / 0)
    admin_client.raise_request_exception = False
    answer = admin_client.get(reverse("admin:index"))
    [line] = lines.told
    assert (answer.status_code, line["exception"], line["status"]) == (500, "ZeroDivisionError", 500)
    assert answer.content.decode().endswith(f"{line['request_id']}.")
    assert line["request_id"] == answer["X-Request-ID"]


def test_a_refusal_is_no_line(asker, lines):
    assert asker.post("/predict", {}, format="json").status_code == 400
    assert asker.get("/nowhere").status_code == 404
    assert not lines.texts


def test_a_flood_of_refusals_is_one_line_a_second_without_a_traceback(asker, lines, monkeypatch):
    def refuse(*args, **kwargs):
        raise Unavailable("the database does not answer", code="database_unavailable")

    monkeypatch.setattr(engine, "serving", refuse)
    monkeypatch.setattr(error_lines.refusals, "seconds", 0.4)
    for _ in range(20):
        assert asker.post("/predict", EXAMPLE, format="json").status_code == 503
    time.sleep(0.4)
    asker.post("/predict", EXAMPLE, format="json")
    first, second = lines.told
    assert (first["code"], first["suppressed"], second["suppressed"]) == ("database_unavailable", 0, 19)
    assert (first["level"], "traceback" in first) == ("warning", False)
    assert first["message"] == "the database does not answer"


def test_refusals_of_another_code_are_told_beside_them():
    of_both = Refusals()
    assert [of_both.take(code) for code in ("a", "b", "a", "b", "a")] == [0, 0, None, None, None]


def test_a_database_that_is_away_is_told_seldom_under_the_admin_too(admin_client, lines):
    def refuse(execute, sql, params, many, context):
        raise OperationalError("connection refused")

    with connection.execute_wrapper(refuse):
        statuses = {admin_client.get(reverse("admin:index")).status_code for _ in range(5)}
    assert statuses == {503}
    [line] = lines.told
    assert (line["code"], line["route"], line["message"]) == ("database_unavailable", "admin/", "connection refused")
    assert "traceback" not in line


def test_no_line_holds_a_secret(asker, broken, lines):
    key = asker.secret
    broken(f"key {key} of postgres://cryptoml:hunter2@db:5432/cryptoml password=hunter3 {settings.SECRET_KEY}")
    asker.post("/predict", EXAMPLE, format="json")
    [text] = lines.texts
    for secret in (key, "hunter2", "hunter3", settings.SECRET_KEY):
        assert secret not in text
    assert "db:5432/cryptoml" in text


def test_a_key_is_hidden_whatever_stands_before_it():
    key = "0123abcd." + "K" * 43
    assert scrubbed(f"Api-Key{key} of_{key}") == "Api-Key[hidden] of_[hidden]"


def test_the_secret_before_is_hidden_for_as_long_as_it_opens(settings):
    settings.SECRET_KEY_FALLBACKS = ["the-one-before-" + "o" * 40]
    error_lines._secrets.cache_clear()
    assert scrubbed(f"signed by {settings.SECRET_KEY_FALLBACKS[0]}") == "signed by [hidden]"
    error_lines._secrets.cache_clear()


def test_a_line_is_one_line_whatever_the_error_says():
    said = "two\nlines and half a pair \ud800" + "x" * 100_000  # pytest-xdist cannot pass it on: nothing is logged
    record = logging.makeLogRecord({"name": errors.name, "msg": "%s", "args": (said,), "levelname": "ERROR"})
    text = JsonLines().format(record)
    assert len(text) < 50_000
    assert "\n" not in text
    assert json.loads(text)["message"].endswith("xxx")


@pytest.mark.parametrize("left", [10, 40, 50])
def test_a_cut_through_a_secret_shows_none_of_it(left):
    key = "0123abcd." + "K" * 43
    said = key + "." * (error_lines.LONGEST - left)
    record = logging.makeLogRecord({"name": errors.name, "msg": said, "levelname": "ERROR"})
    assert "KKKK" not in JsonLines().format(record)


def test_scrubbing_leaves_what_is_no_secret():
    said = "GET https://api.coingecko.com/api/v3 gave 429 at 2026-11-23 10:00:00.123"
    assert scrubbed(said) == said


# --- request ids ---


@pytest.mark.parametrize("path", ["/health/live", "/nowhere", "/admin/", "/docs", "/predict"])
def test_every_response_bears_an_id_of_its_own(path):
    client = Client(raise_request_exception=False)
    ids = {client.get(path)["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3
    assert all(len(each) == 32 for each in ids)


def test_an_answer_of_the_short_lane_bears_one_too(asker):
    given = [in_the_short_lane(BODY, HTTP_X_API_KEY=asker.secret, **sent) for sent in ({}, {"HTTP_X_REQUEST_ID": "a"})]
    assert [status for status, _, _ in given] == [200, 200]
    assert [len(headers["X-Request-ID"]) for _, headers, _ in given] == [32, 1]


@pytest.mark.parametrize("sent", ["abc-1", "0199.a:b_c", "x" * 64])
def test_a_clients_own_id_is_kept(sent):
    assert Client().get("/health/live", headers={"x-request-id": sent})["X-Request-ID"] == sent


@pytest.mark.parametrize("sent", ["", "two words", "x" * 65, "a,b", "<b>", "é", 'a"b'])
def test_an_id_that_cannot_be_kept_is_replaced(sent):
    given = Client().get("/health/live", headers={"x-request-id": sent})["X-Request-ID"]
    assert given != sent
    assert len(given) == 32
