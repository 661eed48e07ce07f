"""Refused bodies are told where somebody asked for it: their form, 2 kB of it, seldom, and never what may be secret."""

import json
import logging
from io import BytesIO, StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoml_site.error_lines import Refusals
from cryptoml_site.log_lines import JsonLines
from predictions import refused_bodies
from predictions.refused_bodies import LONGEST, Remembered, redacted, refused
from tests.predictions.test_short_lane import BODY, in_drfs_lane
from tests.predictions.test_short_lane import in_the_short_lane as ask

SECRET = "s3cr3t-XYZZY-plugh"


@pytest.fixture
def told(monkeypatch, settings):
    settings.LOG_REFUSED_BODIES = True
    monkeypatch.setattr(refused_bodies, "refusals", Refusals())
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    refused.addHandler(handler)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    refused.removeHandler(handler)


def test_a_refused_body_is_one_line(production, client, told):
    ask(b'{"price": 1.5, "prise": 2}', HTTP_X_API_KEY=client.secret, HTTP_X_REQUEST_ID="mine-1")
    [line] = told()
    assert (line["event"], line["request_id"], line["status"], line["code"]) == (
        "refused_body",
        "mine-1",
        400,
        "missing_field",
    )
    assert line["body"] == '{"price": 1.5, "prise": 2}'


def test_what_the_short_lane_passes_on_is_told_as_well(production, client, told):
    body = b'{"price": "x"}'
    in_drfs_lane(body, HTTP_X_API_KEY=client.secret, **{"wsgi.input": Remembered(BytesIO(body))})
    [line] = told()
    assert line["body"] == '{"price": "[1]"}'


def test_by_default_nothing_of_a_body_is_kept(production, client, told, settings):
    settings.LOG_REFUSED_BODIES = False
    assert ask(b"{}", HTTP_X_API_KEY=client.secret)[0] == 400
    assert in_drfs_lane(b"{}", HTTP_X_API_KEY=client.secret)[0] == 400
    assert told() == []


def test_an_answered_body_is_not_told(production, client, told):
    assert ask(BODY, HTTP_X_API_KEY=client.secret)[0] == 200
    assert told() == []


def test_a_flood_of_them_is_a_line_a_second(production, client, told):
    for _ in range(5):
        ask(b"{}", HTTP_X_API_KEY=client.secret)
    assert len(told()) == 1


def test_two_kilobytes_are_told_at_most(production, client, told):
    ask(b'{"price": [' + b"1," * 40_000 + b"1]}", HTTP_X_API_KEY=client.secret)
    [line] = told()
    assert len(line["body"]) <= LONGEST == 2_048
    assert line["bytes"] == str(len(b'{"price": [' + b"1," * 40_000 + b"1]}"))


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (f'{{"price": "{SECRET}"}}', '{"price": "[18]"}'),
        (f'{{"{SECRET}": 1}}', '{"[18]": 1}'),
        ('{"api_key": 4711, "price": 1}', '{"api_key": [hidden], "price": 1}'),
        ('{"auth": {"pin": [4711, 4712]}, "price": 1}', '{"auth": {"pin": [[hidden], [hidden]]}, "price": 1}'),
        ('{"Authorization": "x"}', '{"[13]": [hidden]}'),
        ('{"market": "bitcoin-usd-1d", "as_of": "2026-11-23T10:00:00Z"}', None),
        ('{"price": NaN, "b": true, "c": null, "d": -1.5e-3}', None),
        (f'{{"price": "{SECRET}', '{"price": "[18]'),
        (f"password={SECRET}&price=1", f"[{len(f'password={SECRET}&price=1')}]"),
        (f"password: {SECRET} 4711", "password: [hidden] [hidden]"),
        (f"<xml>{SECRET}</xml>", f"[{len(SECRET) + 11}]"),
        ("", ""),
    ],
)
def test_its_form_is_told_and_no_text(body, form):
    told = redacted(body.encode())
    assert SECRET not in told
    assert "4711" not in told
    if not (form or "").endswith('"[18]'):  # a text that was cut
        assert told == (body if form is None else form)


@given(
    st.recursive(st.none() | st.floats() | st.just(SECRET), lambda of: st.lists(of) | st.dictionaries(st.text(), of))
)
def test_no_text_leaves_however_it_is_wrapped(value):
    whole = json.dumps(value).encode()
    for cut in range(0, len(whole) + 1, 7):
        assert "XYZZY" not in redacted(whole[:cut])


@given(st.binary(max_size=300))
def test_whatever_is_sent_has_a_form(body):
    assert len(redacted(body)) <= LONGEST
