"""Each response says what its page may load; a browser's own word on it is in tests/browser."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def policy(path, client=None, **sent):
    header = (client or Client()).get(path, **sent)["Content-Security-Policy"]
    parts = [part.strip().split(" ") for part in header.split(";") if part.strip()]
    return {name: set(values) for name, *values in parts}


@pytest.mark.parametrize("path", ["/health/live", "/models/list", "/nowhere", "/schema"])
def test_json_may_load_nothing(path):
    assert policy(path) == {"default-src": {"'none'"}, "frame-ancestors": {"'none'"}}


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/auth/login/", "/api/v1/docs"])
def test_a_page_runs_no_script_that_is_written_into_it_nor_one_from_elsewhere(path):
    told = policy(path, HTTP_ACCEPT="text/html")
    assert told["default-src"] == {"'self'"}
    assert "script-src" not in told  # so that default-src counts
    assert (told["object-src"], told["base-uri"], told["frame-ancestors"]) == ({"'none'"},) * 3
    assert told.get("worker-src", set()) == ({"blob:"} if "redoc" in path else set())


def test_under_admin_alone_expressions_are_evaluated(admin_client):
    told = policy("/admin/", admin_client)
    assert told["script-src"] == {"'self'", "'unsafe-eval'"}
    assert told["default-src"] == {"'self'"}
    assert told["form-action"] == {"'self'"}
