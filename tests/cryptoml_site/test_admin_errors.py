"""Under /admin/ a fault is a sentence, not a traceback."""

import pytest
from django.db import OperationalError

from registry.admin.registered_model import RegisteredModelAdmin

pytestmark = pytest.mark.django_db
LISTS = ["registry/modelversion/?stage__exact=", "registry/deployment/?actor=", "predictions/prediction/?market="]


@pytest.mark.parametrize("path", LISTS)
def test_a_nul_in_the_address_is_refused_in_words(admin_client, path):
    answer = admin_client.get(f"/admin/{path}%00")
    assert (answer.status_code, b"NUL" in answer.content) == (400, True)


def test_a_nul_among_the_selected_rows_is_refused(admin_client):
    sent = {"action": "rollback", "_selected_action": ["abc\x00"]}
    assert admin_client.post("/admin/registry/registeredmodel/", sent).status_code == 400


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "tomorrow"])
def test_a_moment_that_utc_does_not_have_is_no_moment(admin_client, at):
    assert admin_client.get("/admin/registry/deployment/", {"at": at}).status_code == 200


def test_without_postgres_the_admin_says_so(admin_client, monkeypatch):
    def away(*_):
        raise OperationalError("gone")

    monkeypatch.setattr(RegisteredModelAdmin, "get_queryset", away)
    answer = admin_client.get("/admin/registry/registeredmodel/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert b"The database does not answer" in answer.content
