"""An https PUBLIC_URL: nothing is answered over http but probes, on either lane; over https browsers stay there."""

import json
import subprocess
import sys

import pytest
from django.conf import settings as site
from django.test import Client

from predictions.short_lane import PROTECTION
from tests.cryptoml_site.test_production import SAFE
from tests.predictions.test_short_lane import BODY, in_drfs_lane, in_the_short_lane

YEAR = "max-age=31536000"
SECURE = {"HTTP_X_FORWARDED_PROTO": "https"}
ASKED = (
    "from django.conf import settings as s; import json; print(json.dumps({n: getattr(s, n) for n in %s}, default=str))"
)


@pytest.fixture
def over_https(settings):
    settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_SSL_HOST = "crypto.example.com"
    settings.SECURE_HSTS_SECONDS = 31_536_000


def settings_of(*names, home, **environment):
    program = "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'cryptoml_site.settings'; " + ASKED % (names,)
    told = {"CRYPTOML_HOME": str(home), "PATH": "", **environment}
    return json.loads(subprocess.run([sys.executable, "-c", program], env=told, capture_output=True, check=True).stdout)


def test_an_https_public_url_switches_all_of_it_on(tmp_path):
    names = ("SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS")
    more = ("CSRF_TRUSTED_ORIGINS", "ALLOWED_HOSTS", "SECURE_PROXY_SSL_HEADER")
    on = settings_of(*names, *more, home=tmp_path, **SAFE)
    assert [on[name] for name in names] == [True, True, True, 31_536_000]
    assert on["CSRF_TRUSTED_ORIGINS"] == ["https://crypto.example.com"]
    assert on["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]", "crypto.example.com"]
    assert on["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]
    off = settings_of(*names, *more, home=tmp_path)
    assert [off[name] for name in names] == [False, False, False, 0]
    assert off["SECURE_PROXY_SSL_HEADER"] is None


def test_what_make_up_serves_over_http_sets_no_such_header():
    assert not site.SECURE_SSL_REDIRECT
    assert "Strict-Transport-Security" not in Client().get("/health/live").headers


@pytest.mark.usefixtures("over_https")
@pytest.mark.django_db
def test_a_page_over_http_is_redirected_to_the_public_name():
    answer = Client().get("/admin/?x=1")
    assert (answer.status_code, answer["Location"]) == (301, "https://crypto.example.com/admin/?x=1")


@pytest.mark.usefixtures("over_https")
@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/api/v1/health"])
@pytest.mark.django_db
def test_a_probe_behind_the_proxy_is_answered(path):
    assert Client().get(path).status_code in (200, 503)


@pytest.mark.usefixtures("over_https")
@pytest.mark.parametrize("path", ["/healthy", "/metrics/report", "/xhealth"])
@pytest.mark.django_db
def test_and_nothing_that_sounds_like_one(path):
    assert Client().get(path).status_code == 301


@pytest.mark.usefixtures("over_https")
@pytest.mark.django_db
def test_a_post_over_http_is_refused_on_both_lanes_for_a_redirect_would_lose_it(production, client):
    told = {"HTTP_X_API_KEY": client.secret}
    status, _, body = in_drfs_lane(BODY, **told)
    assert (status, body["errors"][0]["code"]) == (403, "https_required")
    assert "https://crypto.example.com/predict" in body["errors"][0]["detail"]
    passed = []

    def django(environ, start_response):
        passed.append(environ["PATH_INFO"])
        start_response("403 Forbidden", [])
        return (b"{}",)

    for spoofed in ({}, {"HTTP_X_FORWARDED_PROTO": "http"}, {"HTTP_X_FORWARDED_PROTO": "http, https"}):
        assert in_the_short_lane(BODY, django=django, **told, **spoofed)[0] == 403
    assert passed == ["/predict"] * 3


@pytest.mark.usefixtures("over_https")
@pytest.mark.django_db
def test_over_https_both_lanes_answer_with_the_same_protection(production, client):
    told = {"HTTP_X_API_KEY": client.secret, **SECURE}
    short, drfs = in_the_short_lane(BODY, **told), in_drfs_lane(BODY, **told)
    assert (short[0], drfs[0]) == (200, 200)
    names = (*PROTECTION, "Strict-Transport-Security", "Content-Security-Policy")
    assert {name: short[1][name] for name in names} == {name: drfs[1][name] for name in names}
    assert short[1]["Strict-Transport-Security"] == YEAR


@pytest.mark.django_db
def test_without_a_trusted_proxy_nobody_says_that_it_is_secure(over_https, settings, production, client):
    settings.SECURE_PROXY_SSL_HEADER = None
    status, _, _ = in_drfs_lane(BODY, HTTP_X_API_KEY=client.secret, **SECURE)
    assert status == 403


@pytest.mark.usefixtures("over_https")
@pytest.mark.django_db
def test_cookies_are_for_https_alone(django_user_model):
    django_user_model.objects.create_user("anna", password="correct horse", is_staff=True)
    client = Client(**SECURE)
    client.get("/admin/login/")
    client.post("/admin/login/", {"username": "anna", "password": "correct horse"})
    assert {name: bool(cookie["secure"]) for name, cookie in client.cookies.items()} == {
        "csrftoken": True,
        "sessionid": True,
    }
