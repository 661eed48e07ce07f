"""The OpenAPI document: complete, each address once, and served without another host."""

import warnings

import pytest
from django.core.management import call_command


def test_the_schema_is_complete(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of drf-spectacular's own dependencies; its findings are raised below
        call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))
    schema = (tmp_path / "schema.yml").read_text()
    assert "/api/v1/predict:" in schema
    assert "\n  /predict:" not in schema


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/docs", "/redoc", "/schema", "/api/v1/docs"])
def test_the_docs_are_open_to_everybody(client, path):
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_docs_load_nothing_from_another_host(client, path):
    page = client.get(path).content.decode()
    assert "https://" not in page.replace("https://www.w3.org", "")
