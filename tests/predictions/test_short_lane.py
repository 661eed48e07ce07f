"""The short lane and DRF's say the same of everything."""

from io import BytesIO
from uuid import uuid4

import orjson
import pytest
from django.core.wsgi import get_wsgi_application
from django.test import Client

from cryptoml_site.lanes import SHORT_LANES
from predictions.models import Prediction, ResponseMinute
from predictions.response_times import response_times
from predictions.short_lane import ShortLane
from predictions.throttling import limiter
from tests.predictions.conftest import client_with
from tests.predictions.wrong_input import KEYS, RAW, WRONG_BODIES
from training.features.classic import EXAMPLE

ITS_OWN = ("id", "made_at")  # of each answer
TOLD = ("Content-Type", "RateLimit-Limit", "Retry-After", "WWW-Authenticate", "X-Frame-Options")
BODY = orjson.dumps(EXAMPLE)


def passed_on(environ, start_response):
    pytest.fail("the short lane passed the request on to Django")


def in_the_short_lane(body, *, django=passed_on, path="/predict", **sent):
    """(status, headers, body) of a request as granian hands it over; no header comes twice."""
    began = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": BytesIO(body),
        "wsgi.url_scheme": "http",
        "wsgi.errors": BytesIO(),
        **sent,
    }
    application = ShortLane(django, SHORT_LANES)
    content = b"".join(application(environ, lambda status, headers: began.extend((status, headers))))
    assert len(began[1]) == len({name.lower() for name, _ in began[1]})
    return int(began[0].split()[0]), dict(began[1]), orjson.loads(content)


def in_drfs_lane(body, *, path="/predict", **sent):
    response = Client().post(path, body, content_type="application/json", **sent)
    return response.status_code, dict(response.headers), response.json()


@pytest.fixture
def both(production):
    """both(body, secret) asks in both lanes, finds them equal, and gives (status, body)."""

    def ask(body, **sent):
        raw = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
        short, drfs = in_the_short_lane(raw, **sent), in_drfs_lane(raw, **sent)
        assert short[0] == drfs[0]
        for name in ITS_OWN:
            assert (short[2].pop(name, None) is None) == (drfs[2].pop(name, None) is None)
        assert short[2] == drfs[2]
        assert {name: short[1].get(name) for name in TOLD} == {name: drfs[1].get(name) for name in TOLD}
        return short[0], short[2]

    return ask


def test_an_answer_is_the_same_but_for_its_id(both, client):
    status, answer = both(BODY, HTTP_X_API_KEY=client.secret)
    assert (status, answer["model"], answer["version"]) == (200, "bitcoin-usd-1d", 1)
    assert Prediction.objects.count() == 2
    assert {row.key_id for row in Prediction.objects.all()} == {client.key.pk}


def test_the_other_header_opens_as_well(both, client):
    assert both(BODY, HTTP_AUTHORIZATION=f"Api-Key {client.secret}")[0] == 200


@pytest.mark.parametrize(("body", "expected"), WRONG_BODIES)
def test_a_wrong_body_is_refused_alike(both, client, body, expected):
    status, told = both(body, HTTP_X_API_KEY=client.secret)
    assert (status, told["errors"][0]["code"], told["errors"][0]["attr"]) == expected
    assert not Prediction.objects.exists()


@pytest.mark.parametrize(("secret", "expected"), [case for case in KEYS if case[0] is not None])
def test_a_wrong_key_is_refused_alike(both, secret, expected):
    status, told = both(BODY, HTTP_X_API_KEY=secret.encode().decode("latin-1"))
    assert (status, told["errors"][0]["code"], None) == expected


def test_a_revoked_a_scopeless_and_a_used_up_key_are_refused_alike(both, client):
    scopeless, frugal = client_with(["metrics:read"]), client_with(["predict"])
    client.key.revoke()
    assert both(BODY, HTTP_X_API_KEY=client.secret)[0] == 401
    assert both(BODY, HTTP_X_API_KEY=scopeless.secret)[0] == 403
    type(frugal.key).objects.filter(pk=frugal.key.pk).update(rate_limit=1)
    limiter.take(frugal.key.label, limit=1)
    status, told = both(BODY, HTTP_X_API_KEY=frugal.secret)
    assert (status, told["errors"][0]["code"]) == (429, "throttled")


def test_a_body_over_the_limit_or_in_chunks_is_refused_alike(both, client, settings):
    assert both(BODY, HTTP_X_API_KEY=client.secret, HTTP_TRANSFER_ENCODING="chunked")[0] == 411
    settings.BODY_LIMIT = 100
    assert both(BODY, HTTP_X_API_KEY=client.secret)[0] == 413


def test_an_error_of_ours_is_a_500_in_the_same_shape(both, client, monkeypatch):
    monkeypatch.setattr("predictions.log.write", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # which Django's test client raises, its handler would answer 500
        in_drfs_lane(BODY, HTTP_X_API_KEY=client.secret)
    status, _, told = in_the_short_lane(BODY, HTTP_X_API_KEY=client.secret)
    assert (status, told["type"]) == (500, "server_error")
    assert "ZeroDivision" not in str(told)


@pytest.mark.parametrize(
    "sent",
    [
        {"REQUEST_METHOD": "GET"},
        {"CONTENT_TYPE": "text/plain"},
        {"HTTP_ACCEPT": "text/html"},
        {"QUERY_STRING": "format=api"},
        {"HTTP_X_API_KEY": None, "HTTP_AUTHORIZATION": "Basic YTpi"},
        {"HTTP_HOST": "elsewhere.example"},
        {"PATH_INFO": "/predictions"},
    ],
)
def test_what_is_not_plain_is_left_to_django(client, sent):
    def django(environ, start_response):
        start_response("200 OK", [])
        return [b'"django"']

    told = {name: value for name, value in {"HTTP_X_API_KEY": client.secret, **sent}.items() if value is not None}
    assert in_the_short_lane(BODY, django=django, **told)[2] == "django"


def test_without_a_key_django_decides(production):
    status, _, told = in_the_short_lane(BODY, django=get_wsgi_application())
    assert (status, told["errors"][0]["code"]) == (401, "not_authenticated")


def test_both_lanes_count_their_answers(both, client, set_clock):
    response_times.__init__()
    both(BODY, HTTP_X_API_KEY=client.secret)
    both(RAW % "null", HTTP_X_API_KEY=client.secret)
    response_times.flush(uuid4())
    rows = ResponseMinute.objects.values_list("route", "status_class", "code", "model", "count")
    assert sorted(rows) == [("predict", 2, "", "bitcoin-usd-1d", 2), ("predict", 4, "null_value", "", 2)]
