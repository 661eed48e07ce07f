"""GET /alerts: what is wrong now, and what was, newest first."""

import pytest
from rest_framework.test import APIClient

from monitoring.alerts.watching import watch
from monitoring.models import Alert, AlertChannel
from predictions.models import Scope
from tests.predictions.conftest import client_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(db):
    return client_with([Scope.METRICS_READ])


@pytest.fixture
def alerts(rule, incident, set_clock):
    """One that is over, one that is acknowledged, one that is open."""
    over = incident("integrity")
    watch()
    over.close(actor="user:anna", note="mended")
    for minute in range(1, 4):
        set_clock(f"2026-11-23T10:0{minute}:00Z")
        watch()
    incident("distribution")
    watch()
    Alert.objects.open().get().acknowledge(actor="user:anna", note="on it")
    incident("outcome")
    watch()


def code(response):
    return response.status_code, response.json()["errors"][0]["code"]


def states(response):
    return [each["state"] for each in response.json()["results"]]


def test_alerts_newest_first_by_state_and_severity(reader, alerts):
    assert states(reader.get("/api/v1/alerts")) == ["open", "acknowledged", "closed"]
    for state in ("open", "acknowledged", "closed"):
        assert states(reader.get(f"/alerts?state={state}")) == [state]
    assert states(reader.get("/alerts?severity=critical")) == []
    [told] = reader.get("/alerts?state=open").json()["results"]
    assert (told["rule"], told["kind"], told["subject"]) == (
        "drift incident open",
        "drift",
        "bitcoin-usd-1d, outcome",
    )


def test_no_address_of_a_channel_is_told(reader, alerts):
    assert AlertChannel.objects.get().url not in reader.get("/alerts").content.decode()


def test_pages_lead_on(reader, alerts):
    first = reader.get("/alerts?limit=2").json()
    assert len(first["results"]) == 2
    assert states(reader.get(first["next"])) == ["closed"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("state=shut", (400, "invalid_choice")),
        ("severity=mild", (400, "invalid_choice")),
        ("stat=open", (400, "invalid")),
        ("limit=0", (400, "invalid")),
        ("cursor=x", (400, "bad_request")),
    ],
)
def test_bad_input_is_refused_by_name(reader, query, told):
    assert code(reader.get(f"/alerts?{query}")) == told


def test_who_may_not_read_metrics_may_not_read_alerts(db):
    assert APIClient().get("/alerts").status_code == 401
    assert code(client_with([Scope.PREDICT]).get("/alerts")) == (403, "missing_scope")
