"""The ledger as an auditor reads it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from cryptoml_site.clock import now
from tests.factories import make_model, make_version
from tests.registry.admin.pages import BAD, change, text

pytestmark = pytest.mark.django_db

LEDGER = reverse("admin:registry_deployment_changelist")


def at(client, moment):
    return [row.pk for row in client.get(LEDGER, {"at": moment}).context["cl"].result_list]


def test_the_ledger_shows_what_the_gates_said(admin_client):
    moved = make_version(metrics=BAD).promote(actor="user:operator", reason="must", override=True)
    assert "overridden" in text(admin_client.get(LEDGER))
    assert "accuracy 0.550 against 0.520" in text(admin_client.get(change(moved)))


def test_what_was_in_production_at_a_moment_is_one_row_for_each_model(admin_client, set_clock):
    set_clock("2026-11-20T10:00:00Z")
    first = make_version().promote(actor="user:operator", reason="first")
    other = make_version(model=make_model("other", default=False)).promote(actor="user:operator", reason="other")
    set_clock("2026-11-21T10:00:00Z")
    second = make_version().promote(actor="user:operator", reason="second")
    assert at(admin_client, "2026-11-20T09:59") == []
    assert set(at(admin_client, "2026-11-20T12:00")) == {first.pk, other.pk}
    assert set(at(admin_client, "2026-11-22T00:00:00Z")) == {second.pk, other.pk}
    shut = second.model.suspend(actor="user:operator", reason="wrong")
    assert set(at(admin_client, (now() + timedelta(hours=1)).isoformat())) == {second.pk, other.pk, shut.pk}


@pytest.mark.parametrize("moment", ["yesterday", "2026-13-01T00:00", "'; DROP TABLE"])
def test_what_is_no_moment_is_said_to_be_none(admin_client, moment):
    answer = admin_client.get(LEDGER, {"at": moment})
    assert "is no moment: write it as" in text(answer)
    assert not answer.context["cl"].result_list
