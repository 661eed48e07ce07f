"""The page of performance: what it draws, beside what, and that little is never drawn as much."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from tests.factories import make_market
from tests.monitoring.judged import HOUR, HOURLY, NOON, answer_all, hourly_version

pytestmark = pytest.mark.django_db
PAGE = reverse("dashboards:performance")
PLOTS = ["Hit rate over time", "Return after costs, beside holding", "Calibration", "The surer, the more often right?"]


@pytest.fixture(autouse=True)
def _three_hours_later(set_clock):
    set_clock((NOON + 3 * HOUR).isoformat())


@pytest.fixture
def version(db):
    return hourly_version()


@pytest.fixture
def market(db):
    return make_market(HOURLY)


def page(client, **asked):
    reply = client.get(PAGE, {"model": HOURLY, **asked})
    assert reply.status_code == 200
    return reply


def text(reply):
    return " ".join(reply.content.decode().split())


def test_every_figure_stands_with_its_interval_its_n_and_its_baseline(version, market, admin_client):
    answer_all(version, market, right=[hour % 3 > 0 for hour in range(120)])
    reply = page(admin_client)
    shown, rows = text(reply), reply.context["rows"]
    assert "120 settled outcomes, one a close" in shown
    assert [plot.title for plot in reply.context["plots"]] == PLOTS
    assert len(rows) == 7
    for row in rows:
        assert {row.value, row.baseline, row.verdict} - {"-"}
        assert f'<td class="cm-num">{row.value}</td><td class="cm-num">{row.interval}</td>' in shown
    rate = rows[0]
    assert (rate.value, rate.figure.n, rate.baseline) == ("66.7%", 120, "66.7%")
    assert "no different" in rate.verdict


def test_too_few_are_counted_and_nothing_is_drawn(version, market, admin_client):
    answer_all(version, market, right=[True] * 29)
    reply = page(admin_client)
    assert reply.context["plots"] == []
    assert {(row.value, row.interval, row.baseline) for row in reply.context["rows"]} == {("-", "-", "-")}
    assert "29 settled outcomes: fewer than 30 say nothing." in text(reply)
    assert "100.0%" not in text(reply)


def test_under_a_hundred_nothing_is_judged(version, market, admin_client):
    answer_all(version, market, right=[True] * 60)
    reply = page(admin_client)
    assert {row.figure.verdict for row in reply.context["rows"]} == {"not_judged"}
    assert "Not judged: 60 settled outcomes, 100 are needed." in text(reply)


def test_version_role_and_window_are_chosen(version, market, admin_client):
    answer_all(version, market, right=[True] * 40)
    hourly_version()
    told = {
        tuple(asked.items()): page(admin_client, **asked).context["performance"].n
        for asked in ({}, {"version": 1}, {"version": 2}, {"role": "shadow"}, {"window": "5h"}, {"window": "7d"})
    }
    assert list(told.values()) == [40, 40, 0, 0, 3, 40]
    assert '<option value="2" selected>' in text(page(admin_client, version=2))
    assert "<option selected>5h</option>" in text(page(admin_client, window="5h"))


@pytest.mark.parametrize("asked", [{"version": 9}, {"version": "x"}, {"window": "<b>"}, {"role": "trial"}])
def test_what_cannot_be_meant_is_said_and_the_form_stays(version, admin_client, asked):
    shown = text(page(admin_client, **asked))
    assert next(iter(asked)) in shown
    assert "<b>" not in shown
    assert '<select name="version"' in shown


def test_a_model_that_is_none_is_not_there(version, admin_client):
    assert admin_client.get(PAGE, {"model": "nobody"}).status_code == 404


def test_without_a_model_it_says_how_to_begin(admin_client):
    assert "No model is registered yet" in text(admin_client.get(PAGE))


def test_it_is_for_who_may_see_versions(version, django_user_model):
    user = django_user_model.objects.create_user("anna", is_staff=True)
    browser = Client()
    browser.force_login(user)
    assert browser.get(PAGE).status_code == 403
    assert "dashboards/performance" not in text(browser.get("/admin/"))
    user.user_permissions.add(Permission.objects.get(codename="view_modelversion"))
    assert browser.get(PAGE).status_code == 200
    assert Client().get(PAGE).status_code in (302, 403)


def test_home_and_the_models_page_lead_to_it(version, admin_client):
    version.promote(actor="user:operator", reason="first")
    assert f'href="{PAGE}?model={HOURLY}&amp;version=1"' in text(admin_client.get("/admin/"))
    change = reverse("admin:registry_registeredmodel_change", args=[version.model.pk])
    assert f'href="{PAGE}?model={HOURLY}"' in text(admin_client.get(change))
