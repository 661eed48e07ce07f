"""A page of the past is for reading: who may only look changes nothing by it."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.urls import reverse
from simple_history.admin import SimpleHistoryAdmin

from monitoring.models import AlertChannel, AlertRule
from registry.admin.history import HistoryAdmin

pytestmark = pytest.mark.django_db


@pytest.fixture
def looker(client, django_user_model):
    user = django_user_model.objects.create_user("lena", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_alertrule", "view_alertchannel"]))
    client.force_login(user)
    return client


def past(model, row):
    version = row.history.first().history_id
    return reverse(f"admin:monitoring_{model}_simple_history", args=[row.pk, version])


def test_who_may_look_at_a_rule_switches_none_off_by_its_past(looker, rule):
    rule.save()
    address = past("alertrule", rule)
    assert looker.get(address).status_code == 200
    answer = looker.post(address, {"name": "x", "kind": "drift", "severity": "info"})
    assert answer.status_code == 403
    rule.refresh_from_db()
    assert (rule.enabled, rule.severity) == (True, "warning")
    assert list(rule.channels.values_list("name", flat=True)) == ["ops"]


def test_who_may_look_at_a_channel_switches_none_off_by_its_past(looker, channel):
    answer = looker.post(past("alertchannel", channel), {"name": "ops", "kind": "webhook"})
    assert answer.status_code == 403
    assert AlertChannel.objects.get().enabled


def test_nobody_puts_back_a_past_beside_our_own_methods(admin_client, rule):
    rule.save()
    address = past("alertrule", rule)
    assert admin_client.get(address).status_code == 200
    told = {"name": rule.name, "kind": "drift", "severity": "info", "enabled": "on"}
    assert admin_client.post(address, told).status_code == 403
    assert AlertRule.objects.get(pk=rule.pk).severity == "warning"


def test_no_page_of_a_past_anywhere_is_the_librarys_own():
    held = [each for each in admin.site._registry.values() if isinstance(each, SimpleHistoryAdmin)]
    assert len(held) >= 5
    assert all(isinstance(each, HistoryAdmin) for each in held)
