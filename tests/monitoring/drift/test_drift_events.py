"""Incidents: one of each channel at a time, opened once and closed once, whoever is quicker."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from monitoring.drift.findings import Channel, Status
from monitoring.drift.policy import CLEAN
from monitoring.models import DriftEvent
from tests.factories import make_version
from tests.monitoring.drift.test_drift_api import found

pytestmark = pytest.mark.django_db


@pytest.fixture
def model():
    return make_version().model


@pytest.fixture
def event(model):
    [opened] = DriftEvent.objects.follow(found(model, Status.ALERT))
    return opened


def test_warnings_open_nothing(model):
    assert DriftEvent.objects.follow(found(model, Status.WARNING, Status.WARNING)) == []


def test_a_second_open_one_of_the_same_channel_cannot_be_stored(event):
    DriftEvent.objects.follow(found(event.model, Status.ALERT))
    event.pk = None
    with pytest.raises(IntegrityError, match="one_open_incident"), transaction.atomic():
        event.save(force_insert=True)


def test_calm_checks_in_a_row_close_it_and_an_alarm_between_begins_the_count_anew(event):
    for status in [*[Status.OK] * (CLEAN - 1), Status.WARNING, *[Status.OK] * (CLEAN - 1)]:
        DriftEvent.objects.follow(found(event.model, status))
    event.refresh_from_db()
    assert event.state == "open"
    [closed] = DriftEvent.objects.follow(found(event.model, Status.OK))
    assert (closed.pk, closed.state) == (event.pk, "closed")


def test_what_cannot_tell_is_neither_calm_nor_an_alarm(event):
    for _ in range(CLEAN + 1):
        DriftEvent.objects.follow(found(event.model, Status.NOT_CALIBRATED))
    event.refresh_from_db()
    assert (event.state, event.alarms, event.calm) == ("open", 1, 0)


def test_who_acknowledged_first_stays_and_a_closed_one_takes_no_word(event):
    event.acknowledge(actor="user:anna", note="seen")
    event.acknowledge(actor="user:berta", note="me too")
    assert (event.acknowledged_by, event.note, event.state) == ("user:anna", "seen", "acknowledged")
    event.close(actor="user:berta", note="the feed was mended")
    for change in (event.acknowledge, event.close):
        with pytest.raises(Refused, match="closed by user:berta"):
            change(actor="user:carl", note="late")


def test_people_acknowledge_and_close_in_the_admin(admin_client, event):
    page = reverse("admin:monitoring_driftevent_acknowledge", args=[event.pk])
    admin_client.post(page, {"note": "seen"})
    event.refresh_from_db()
    assert (event.state, event.acknowledged_by) == ("acknowledged", "user:admin")
    close = reverse("admin:monitoring_driftevent_close", args=[event.pk])
    assert "This field is required" in admin_client.post(close, {"note": ""}).content.decode()
    admin_client.post(close, {"note": "mended"})
    event.refresh_from_db()
    assert (event.state, event.closed_by, event.note) == ("closed", "user:admin", "mended")


@pytest.mark.parametrize("page", ["driftevent", "driftcheck"])
def test_lists_and_pages_are_shown(admin_client, event, page):
    row = event if page == "driftevent" else event.first_check
    assert event.model.name in admin_client.get(reverse(f"admin:monitoring_{page}_changelist")).content.decode()
    shown = admin_client.get(reverse(f"admin:monitoring_{page}_change", args=[row.pk])).content.decode()
    assert Channel.INTEGRITY in shown


def test_an_incident_of_a_clock_that_was_ahead_is_closed_all_the_same(event):
    DriftEvent.objects.filter(pk=event.pk).update(opened_at=now() + timedelta(days=1))
    for _ in range(CLEAN):
        closed = DriftEvent.objects.follow(found(event.model, Status.OK))
    assert [each.state for each in closed] == ["closed"]


def test_a_person_closes_one_of_a_clock_that_was_ahead(event):
    DriftEvent.objects.filter(pk=event.pk).update(opened_at=now() + timedelta(days=1))
    event.refresh_from_db()
    event.close(actor="user:anna", note="the clock")
    assert event.state == "closed"


def test_what_a_person_closes_meanwhile_a_check_does_not_open_again(event):
    check = found(event.model, Status.OK)
    DriftEvent.objects.get(pk=event.pk).close(actor="user:anna", note="mended")
    event.go_on(check, Status.OK)
    event.refresh_from_db()
    assert (event.state, event.closed_by) == ("closed", "user:anna")
