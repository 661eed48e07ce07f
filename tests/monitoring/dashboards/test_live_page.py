"""The live page: what GET /metrics says of the last hour, minute by minute."""

import json
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from monitoring.metrics.minutes import newest_hour
from tests.factories import make_prediction
from tests.monitoring.metrics.conftest import (  # noqa: F401
    NOON,
    _tail_of_its_own,
    answered,
    client,
    count_everything,
    noon,
    respond,
)

PAGE = reverse("dashboards:live")


def page(admin_client):
    answer = admin_client.get(PAGE)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def charts(shown):
    """By the title of the first curve's plot, its data."""
    values = re.findall(r'data-value="([^"]*)"', shown)
    return [json.loads(value.replace("&quot;", '"').replace("&#x27;", "'")) for value in values]


def test_an_empty_database_has_a_page_without_a_figure_that_nobody_knows(noon, admin_client):  # noqa: F811
    shown = page(admin_client)
    assert "None in the last hour." in shown
    assert shown.count("not known") == 5
    assert [set(data["datasets"][0]["data"]) for data in charts(shown)] == [{0, None}, {None}, {0}, {None}]


def test_it_says_what_the_metrics_say(answered, admin_client, client):  # noqa: F811
    make_prediction(made_at=NOON - timedelta(seconds=2), version=answered)  # which no pass has counted
    hour, told = newest_hour(NOON), client.get("/metrics", {"window": "1h"}).json()
    assert hour.whole.answered.answers == told["count"] == 4
    assert hour.whole.answered.up == told["prediction_distribution"]["up"]
    assert hour.whole.answered.confidence_mean == pytest.approx(told["confidence"]["mean"])
    assert hour.whole.requests == told["requests"]
    assert hour.failed_share == pytest.approx(told["error_rate"])
    assert dict(hour.whole.errors) == told["errors"]
    assert hour.whole.milliseconds(0.99) == pytest.approx(told["response_time_ms"]["p99"])


def test_a_full_hour_is_drawn_by_its_minutes(answered, noon):  # noqa: F811
    """Once it is final it is one row, too, which would all lie in its first minute."""
    noon((NOON + timedelta(minutes=5)).isoformat())
    count_everything()
    minutes = newest_hour(NOON).minutes
    assert len(minutes) == 61
    assert [minute.answered.answers for minute in minutes if minute.answered.answers] == [2, 1]
    assert [f"{minute.began_at:%H:%M}" for minute in minutes if minute.requests] == ["11:00", "11:59"]


def test_the_running_minute_counts_for_as_long_as_it_runs(noon):  # noqa: F811
    noon((NOON + timedelta(seconds=30)).isoformat())
    assert newest_hour(NOON + timedelta(seconds=30)).minutes[-1].seconds == 30


def test_codes_are_counted(answered, admin_client):  # noqa: F811
    assert 'missing_field</th><td class="cm-right">1<' in page(admin_client)


def test_what_nobody_has_counted_is_said(noon, admin_client):  # noqa: F811
    assert "No worker has counted the minutes from 11:00 to 11:45 UTC" in page(admin_client)


def test_who_may_not_see_versions_may_not_see_it(noon, django_user_model, client):  # noqa: F811
    client.credentials()
    user = django_user_model.objects.create_user("viewer", is_staff=True)
    client.force_login(user)
    assert client.get(PAGE).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_modelversion"))
    assert client.get(PAGE).status_code == 200


def test_it_refreshes_by_a_script_of_ours_and_no_line_of_it_stands_in_the_page(noon, admin_client):  # noqa: F811
    shown = page(admin_client)
    assert 'src="/static/monitoring/live.js" defer' in shown
    assert 'data-refresh="10"' in shown
