"""Keys are issued and revoked by hand, the log is read; and staff can ask for an answer on a page."""

import json
import logging
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cryptoml_site.clock import now
from predictions.models import ApiKey, Forecast, Prediction, WebProcess
from registry.models import ModelVersion
from tests.factories import make_market, make_prediction, make_version
from training.features.classic import EXAMPLE
from training.models import Outcome

pytestmark = pytest.mark.django_db

ADD = reverse("admin:predictions_apikey_add")
KEYS = reverse("admin:predictions_apikey_changelist")
LOG = reverse("admin:predictions_prediction_changelist")


def text(answer):
    return " ".join(answer.content.decode().split())


def revoke_of(key):
    return reverse("admin:predictions_apikey_revoke", args=[key.pk])


def issue(client, **changes):
    return client.post(ADD, {"name": "robot", "scopes": ["predict", "metrics:read"], **changes})


def secret_in(answer):
    return text(answer).partition('<pre id="secret" class="cm-pre">')[2].partition("</pre>")[0]


@pytest.fixture
def anna(django_user_model):
    """Signs in somebody who has these permissions and no others."""

    def sign_in(*codenames):
        user = django_user_model.objects.create_user("anna", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def test_a_key_is_issued_with_its_secret_shown_once(admin_client, caplog):
    with caplog.at_level(logging.DEBUG), CaptureQueriesContext(connection) as asked:
        answer = issue(admin_client)
    key, secret = ApiKey.objects.get(), secret_in(answer)
    assert key.matches(secret)
    assert (key.name, key.scopes, key.created_by) == ("robot", ["metrics:read", "predict"], "user:admin")
    for page in (KEYS, reverse("admin:predictions_apikey_change", args=[key.pk]), reverse("admin:index")):
        assert secret not in text(admin_client.get(page))
    kept = [caplog.text, *(str(query) for query in asked.captured_queries), str(answer.cookies)]
    assert [place for place in kept if secret in place] == []
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scopes": ["root"]}, "not one of the available choices"),
        ({"scopes": []}, "This field is required"),
        ({"name": ""}, "This field is required"),
        ({"rate_limit": "0"}, "greater than or equal to 1"),
        ({"expires_at": "2001-01-01T00:00"}, "has passed already"),
        ({"expires_at": "tomorrow"}, "Enter a valid date/time"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_issued(admin_client, changes, said):
    assert said in text(issue(admin_client, **changes))
    assert not ApiKey.objects.exists()


def test_a_key_may_expire_and_have_a_limit(admin_client):
    issue(admin_client, expires_at="2126-01-30T12:30", rate_limit="60")
    key = ApiKey.objects.get()
    assert (key.expires_at.isoformat(), key.rate_limit) == ("2126-01-30T12:30:00+00:00", 60)


def test_nobody_grants_what_they_may_not_do_themselves(anna):
    client = anna("add_apikey", "add_prediction")
    assert "not one of the available choices" in text(issue(client, scopes=["registry:write"]))
    assert secret_in(issue(client, scopes=["predict"]))


def test_revoking_asks_first_and_then_shuts_the_key_for_good(admin_client):
    key, _ = ApiKey.objects.issue(name="robot", scopes=[], created_by="user:tester")
    assert admin_client.get(revoke_of(key)).status_code == 200
    key.refresh_from_db()
    assert key.revoked_at is None
    assert f"{key} is revoked" in text(admin_client.post(revoke_of(key), follow=True))
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert "revoked on" in text(admin_client.get(KEYS))
    assert list(admin_client.get(KEYS, {"state": "shut"}).context["cl"].result_list) == [key]
    assert list(admin_client.get(KEYS, {"state": "active"}).context["cl"].result_list) == []


def test_without_the_token_no_key_is_issued_or_revoked(admin_user):
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    key, _ = ApiKey.objects.issue(name="robot", scopes=[], created_by="user:tester")
    assert [issue(client).status_code, client.post(revoke_of(key)).status_code] == [403, 403]
    assert ApiKey.objects.get().revoked_at is None


def test_staff_who_may_only_look_neither_issue_nor_revoke(anna):
    client = anna("view_apikey")
    key, _ = ApiKey.objects.issue(name="robot", scopes=[], created_by="user:tester")
    assert [client.get(ADD).status_code, issue(client).status_code] == [403, 403]
    assert [client.get(revoke_of(key)).status_code, client.post(revoke_of(key)).status_code] == [403, 403]
    assert ApiKey.objects.get().revoked_at is None


def test_a_key_is_never_edited_or_deleted(admin_client):
    key, _ = ApiKey.objects.issue(name="robot", scopes=[], created_by="user:tester")
    change, delete = (reverse(f"admin:predictions_apikey_{page}", args=[key.pk]) for page in ("change", "delete"))
    assert admin_client.post(change, {"name": "root", "prefix": "0" * 8}).status_code == 403
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403
    assert ApiKey.objects.get().name == "robot"


def shown(client, **query):
    return {row.pk for row in client.get(LOG, query).context["cl"].result_list}


def test_the_log_is_searched_by_id_and_by_key(admin_client):
    key, _ = ApiKey.objects.issue(name="robot", scopes=[], created_by="user:tester")
    keyed = make_prediction(made_at=now(), key=key)
    other = make_prediction(made_at=now(), version=keyed.version)
    assert shown(admin_client, q=str(other.pk)) == {other.pk}
    assert shown(admin_client, q=key.prefix) == {keyed.pk}
    assert shown(admin_client, q="robot") == set()


def test_the_log_is_filtered_by_model_version_role_market_direction_and_time(admin_client):
    make_market()
    old = make_prediction(made_at=now() - timedelta(days=2), market="bitcoin-usd-1d")
    ModelVersion.objects.update(created_at=now() - timedelta(days=3))
    new = make_prediction(made_at=now(), version=make_version(model=old.model), role="trial", direction="down")
    assert shown(admin_client) == {old.pk, new.pk}
    assert shown(admin_client, model__id__exact=old.model.pk) == {old.pk, new.pk}
    assert shown(admin_client, model__id__exact=old.model.pk, version__id__exact=new.version.pk) == {new.pk}
    assert shown(admin_client, version__id__exact=old.version.pk) == {old.pk}
    assert shown(admin_client, role__exact="trial") == {new.pk}
    assert shown(admin_client, direction__exact="up") == {old.pk}
    assert shown(admin_client, market="bitcoin-usd-1d") == {old.pk}
    assert shown(admin_client, market="-") == {new.pk}
    assert shown(admin_client, made="day") == {new.pk}
    assert shown(admin_client, made="week") == {old.pk, new.pk}


def test_a_prediction_shows_what_the_model_saw(admin_client):
    row = make_prediction(made_at=now())
    page = text(admin_client.get(reverse("admin:predictions_prediction_change", args=[row.pk])))
    assert re.search(r"price_ma_30\s+1\.0", re.sub("<[^>]+>", " ", page))


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (None, 'data-label="turned out">-</td>'),
        ({"status": "pending"}, "due 2026-11-25 00:00"),
        ({"status": "settled", "log_return": 0.01}, "✔ right, +1.000%"),
        ({"status": "settled", "log_return": -0.01}, "✘ wrong, -1.000%"),
        ({"status": "settled", "log_return": 0.0}, "✘ wrong, +0.000%"),
        ({"status": "void", "void_reason": "no candle"}, "void: no candle"),
    ],
)
def test_a_forecast_shows_how_it_turned_out(admin_client, set_clock, outcome, said):
    at = now().replace(hour=0)
    if outcome is not None:
        settled = {"close_at_start": 1.0, "close_at_end": 1.0, "settled_at": at} if "log_return" in outcome else {}
        Outcome.objects.create(
            market=make_market(), as_of=at, horizon=1, matures_at=at + timedelta(days=2), **settled, **outcome
        )
    made = make_prediction(made_at=at, market="bitcoin-usd-1d", as_of=at, direction=Prediction.Direction.UP)
    row = Forecast.objects.create(model=made.model, as_of=at, prediction_id=made.pk)
    assert said in text(admin_client.get(reverse("admin:predictions_forecast_changelist")))
    assert said in text(admin_client.get(LOG))
    page = text(admin_client.get(reverse("admin:predictions_forecast_change", args=[row.pk])))
    assert "up 0.750" in page


def test_of_a_revised_outcome_the_newest_counts(admin_client):
    at, market = now(), make_market()
    same = {"market": market, "as_of": at, "horizon": 1, "matures_at": at}
    figures = {"close_at_start": 1.0, "close_at_end": 1.0, "settled_at": at, "status": "settled"}
    Outcome.objects.create(**same, **figures, log_return=-0.01)
    Outcome.objects.create(**same, **figures, log_return=0.02, revision=1)
    make_prediction(made_at=at, market=market.name, as_of=at)
    assert "✔ right, +2.000%" in text(admin_client.get(LOG))


def test_web_processes_say_whether_they_live_and_what_they_cannot_serve(admin_client):
    WebProcess.objects.create(host="here", pid=1, generation=7)
    WebProcess.objects.create(host="here", pid=2, seen_at=now() - timedelta(minutes=5), problems={"m": "altered"})
    page = text(admin_client.get(reverse("admin:predictions_webprocess_changelist")))
    assert "alive" in page
    assert "gone, last seen 5 minutes ago" in page
    assert "m: altered" in page


def test_a_model_that_a_process_cannot_serve_says_so(admin_client):
    version = make_version()
    WebProcess.objects.create(host="here", pid=1, problems={version.model.name: "generation 7 is not served"})
    assert "generation 7 is not served" in text(admin_client.get(reverse("admin:registry_registeredmodel_changelist")))


def test_the_browsable_form_holds_a_body_that_works(admin_user, production):
    browser = Client(enforce_csrf_checks=True, headers={"Accept": "text/html"})
    browser.force_login(admin_user)
    form = browser.get("/predict").context["raw_data_post_form"]
    body = form.fields["_content"].initial
    assert json.loads(body) == EXAMPLE
    assert browser.post("/predict", body, content_type="application/json").status_code == 403
    token = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    answer = browser.post("/predict", body, content_type="application/json", headers=token)
    assert answer.status_code == 200
    assert Prediction.objects.get().actor == "user:admin"


def test_a_refused_body_stays_in_the_form(admin_client, production):
    headers = {"Accept": "text/html"}
    answer = admin_client.post("/predict", '{"price": 1}', content_type="application/json", headers=headers)
    assert answer.status_code == 400
    assert json.loads(answer.context["raw_data_post_form"].fields["_content"].initial) == {"price": 1}


def test_the_browsable_page_of_reload_has_a_button_too(admin_client, production):
    page = admin_client.get("/models/reload", headers={"Accept": "text/html"})
    assert page.context["raw_data_post_form"] is not None
    answer = admin_client.post("/models/reload", "", content_type="application/json", headers={"Accept": "text/html"})
    assert answer.status_code == 200
