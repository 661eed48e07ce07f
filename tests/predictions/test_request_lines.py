"""One line of each request, on both lanes, with nothing in it that a client wrote; a flood costs next to nothing."""

import json
import logging
import time
from io import StringIO

import pytest
from django.test import Client

from cryptoml_site.log_lines import JsonLines, Words
from predictions import request_lines as module
from predictions.request_lines import RequestLines, Share, requests
from registry.told import tell
from tests.predictions.test_short_lane import BODY, in_drfs_lane, in_the_short_lane

LANES = pytest.mark.parametrize("ask", [in_the_short_lane, in_drfs_lane], ids=["short", "drf"])


@pytest.fixture
def told(monkeypatch):
    """All lines of requests so far, as JSON says them."""
    monkeypatch.setattr("predictions.middleware.request_lines", RequestLines(100))
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    requests.addHandler(handler)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    requests.removeHandler(handler)


@LANES
def test_an_answer_is_one_line(production, client, told, ask):
    ask(BODY, HTTP_X_API_KEY=client.secret, HTTP_X_REQUEST_ID="mine-1")
    [line] = told()
    assert line.pop("at").endswith("+00:00")
    assert line.pop("ms") > 0
    assert line == {
        "level": "info",
        "event": "request",
        "request_id": "mine-1",
        "key": client.key.prefix,
        "method": "POST",
        "route": "predict",
        "status": 200,
        "model": "bitcoin-usd-1d",
        "version": 1,
    }


@LANES
def test_a_refusal_is_one_line_with_its_code(production, client, told, ask):
    ask(b"{}", HTTP_X_API_KEY=client.secret)
    [line] = told()
    assert (line["status"], line["code"], line["key"], "model" in line) == (
        400,
        "empty_body",
        client.key.prefix,
        False,
    )


@LANES
def test_a_wrong_key_is_not_told_not_even_its_beginning(production, client, told, ask):
    wrong = f"{client.secret[:-1]}{'a' if client.secret[-1] != 'a' else 'b'}"
    ask(BODY, HTTP_X_API_KEY=wrong, HTTP_X_REQUEST_ID=wrong)
    [line] = told()
    assert (line["status"], "key" in line) == (401, False)
    assert wrong not in json.dumps(line)
    assert len(line["request_id"]) == 32  # of our own, for who sends a key as the request's name


def test_a_route_is_a_pattern_and_never_an_address(db, told):
    Client().get("/predictions/01890000-0000-7000-8000-000000000000?secret=1")
    Client().get("/nowhere/secret")
    assert [line.get("route") for line in told()] == ["predictions/<uuid:pk>", None]


def test_of_a_flood_so_many_a_second_are_told_and_the_rest_is_counted(told, monkeypatch):
    lines, moment = RequestLines(3), [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: moment[0])
    ask = {"request_id": "a", "key": "", "method": "GET", "route": "r", "code": "", "model": "", "version": None}
    for _ in range(10):
        lines.tell(status=200, seconds=0.001, **ask)
    lines.tell(status=404, seconds=0.001, **ask)  # whose share is another
    moment[0] += 1.0
    lines.tell(status=200, seconds=0.001, **ask)
    assert [line["status"] for line in told()] == [200, 200, 200, 404, 200]
    assert told()[-1]["suppressed"] == 7


def test_errors_of_ours_are_always_told(told):
    lines = RequestLines(0)
    ask = {"request_id": "a", "key": "", "method": "GET", "route": "r", "code": "", "model": "", "version": None}
    for _ in range(50):
        lines.tell(status=500, seconds=0.001, **ask)
        lines.tell(status=200, seconds=0.001, **ask)
    assert [(line["status"], line["level"]) for line in told()] == [(500, "error")] * 50


def test_a_line_that_is_not_told_costs_a_microsecond_or_two():
    share = Share(0)
    began = time.process_time()
    for _ in range(20_000):
        share.take()
    assert (time.process_time() - began) / 20_000 < 10e-6


def test_for_people_the_same_is_words():
    record = logging.LogRecord("cryptoml.requests", logging.INFO, "", 0, "request", None, None)
    record.event, record.told = "request", {"method": "GET", "status": 200, "ms": 1.5}
    assert Words().format(record)[8:] == " info request method=GET status=200 ms=1.5"


def test_what_a_library_says_is_a_line_without_a_secret(settings):
    key = f"{'0' * 8}.{'x' * 43}"
    record = logging.LogRecord("some.library", logging.WARNING, "", 0, "two\nlines of %s", (key,), None)
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line) | {"at": ""} == {
        "at": "",
        "level": "warning",
        "event": "log",
        "logger": "some.library",
        "message": "two\nlines of [hidden]",
    }
    assert key not in Words().format(record)


def test_what_a_terminal_would_obey_is_shown_and_not_obeyed():
    record = logging.LogRecord("cryptoml.refused", logging.INFO, "", 0, "refused_body", None, None)
    record.event, record.told = "refused_body", {"body": '{\r\x1b[2K\x9b\n\t"é"}'}
    assert Words().format(record)[8:] == ' info refused_body body={\\x0d\\x1b[2K\\x9b\n  \t"é"}'


def test_nothing_is_made_for_a_logger_that_is_off():
    off = logging.getLogger("cryptoml.tests.off")
    off.setLevel(logging.CRITICAL)
    off.handle = pytest.fail
    tell(off, "never")
