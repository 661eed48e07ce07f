"""The page of drift: who may see it, and that it shows what the checks found."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from cryptoml_site.clock import now
from monitoring.drift.checking import run_check
from monitoring.drift.findings import Channel, Status
from monitoring.drift.history import HeatMap, Timeline
from monitoring.models import DriftCheck, DriftEvent
from tests.factories import make_model, make_version
from tests.monitoring.drift.test_check_drift import trained

pytestmark = pytest.mark.django_db
PAGE = reverse("dashboards:drift")


def page(client, **asked):
    return " ".join(client.get(PAGE, asked).content.decode().split())


def make_check(version, *, days_ago=0, contribution=1.0, threshold=4.0):
    """One that is done."""
    told = {"status": "ok", "over": False, "says": "the features are as usual", "m": contribution}
    return DriftCheck.objects.create(
        model=version.model,
        version=version,
        asked_by="user:anna",
        state="done",
        status="ok",
        rows=30,
        checked_at=now() - timedelta(days=days_ago),
        channels={Channel.DISTRIBUTION: told | {"threshold": threshold}},
        features=[{"name": "rsi_14", "contribution": contribution}],
    )


def make_incident(check, *, opened_days_ago, closed_days_ago=None):
    closed = {"closed_at": now() - timedelta(days=closed_days_ago), "closed_by": "user:anna"} if closed_days_ago else {}
    return DriftEvent.objects.create(
        model=check.model,
        version=check.version,
        channel=Channel.DISTRIBUTION,
        sentence="it moved",
        opened_at=now() - timedelta(days=opened_days_ago),
        first_check=check,
        last_check=check,
        **closed,
    )


def test_a_checked_model_shows_its_channels_and_its_farthest_feature_beside_its_reference(admin_client):
    version = trained()
    check = DriftCheck.objects.ask(version.model, actor="user:anna")
    run_check(check)
    shown = page(admin_client)
    assert "no fault was found" in shown
    assert "learnt from" in shown
    assert "Shares of the 30 newest rows" in shown
    assert all(feature["name"] in shown for feature in version.signature)
    assert "log_return_1: now" in page(admin_client, feature="log_return_1")


def test_without_models_without_checks_and_with_a_name_that_is_none(admin_client):
    assert "No model is registered yet" in page(admin_client)
    make_model("bitcoin-usd-1d")
    assert "was not checked yet" in page(admin_client)
    assert admin_client.get(PAGE, {"model": "nothing"}).status_code == 404


def test_only_who_may_see_checks_sees_it(client, django_user_model):
    user = django_user_model.objects.create_user("vera", password="x", is_staff=True)
    client.force_login(user)
    assert client.get(PAGE).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_driftcheck"))
    assert client.get(PAGE).status_code == 200


def test_a_check_whose_bundle_is_gone_says_so_and_the_rest_is_drawn(admin_client):
    make_check(make_version())
    assert "the features are as usual" in page(admin_client)


def test_the_heat_map_is_darker_the_farther_a_feature_moved():
    version = make_version()
    checks = [make_check(version, days_ago=2, contribution=c) for c in (-1.0, 2.0, 5.0, 60.0)]
    (name, cells), *_ = HeatMap.of(checks).rows
    assert name == "rsi_14"
    assert [cell.darkness for cell in cells] == [0.0, 0.33, 0.83, 1.0]
    assert [cell.over for cell in cells] == [False, False, True, True]


def test_a_check_without_a_limit_has_no_colour():
    (_, (cell,)), *_ = HeatMap.of([make_check(make_version(), threshold=None)]).rows
    assert (cell.darkness, cell.over) == (None, False)


def test_incidents_stand_where_they_began_and_ended():
    version = make_version()
    check = make_check(version)
    make_incident(check, opened_days_ago=30, closed_days_ago=20)  # before the line begins
    make_incident(check, opened_days_ago=12, closed_days_ago=5)  # it reaches into it
    make_incident(check, opened_days_ago=2)
    at = now()
    drawn = dict(Timeline.of(version.model, since=at - timedelta(days=10), until=at).incidents)[Channel.DISTRIBUTION]
    assert [(round(bar.left), round(bar.width), bar.open) for bar in drawn] == [(0, 50, False), (80, 20, True)]


def test_what_was_put_into_production_is_marked():
    version = make_version()
    version.promote(actor="user:anna", reason="first")
    at = now()
    (mark,) = Timeline.of(version.model, since=at - timedelta(days=1), until=at + timedelta(days=1)).moves
    assert (mark.says, round(mark.left)) == ("v1", 50)


def test_a_status_is_a_word_in_the_page(admin_client):
    make_check(make_version())
    assert Status.OK.label in page(admin_client)
