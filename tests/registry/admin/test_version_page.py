"""Everything about one version: figures, plots, where it came from, its files, and what people say of it."""

import json

import pytest
from django.urls import reverse

from registry.bundles import ONNX, SIGNATURE, read_file
from registry.models import ModelVersion
from tests.factories import alter, make_version, report
from tests.registry.admin.pages import change, text

pytestmark = pytest.mark.django_db

FOLDS = [
    {"test": {"start": "2024-01-01T00:00:00Z"}, "accuracy": 0.6, "brier": 0.24},
    {"test": {"start": "2024-02-01T00:00:00Z"}, "accuracy": 0.5, "brier": 0.25},
]
RELIABILITY = [{"rows": 9, "probability": 0.4, "frequency": 0.5}, {"rows": 9, "probability": 0.6, "frequency": 0.6}]


def file_of(version, name):
    return reverse("admin:registry_modelversion_file", args=[version.pk, name])


def plots_of(client, version):
    context = client.get(change(version)).context
    return {plot.title: plot for plot in context["plots"]}, context["undrawn"]


def test_what_the_report_holds_is_drawn_and_what_it_lacks_is_said(admin_client):
    version = make_version(metrics={**report(), "folds": FOLDS, "reliability": RELIABILITY})
    drawn, undrawn = plots_of(admin_client, version)
    assert set(drawn) == {"Walk-forward, fold by fold", "Calibration"}
    assert json.loads(drawn["Walk-forward, fold by fold"].data)["datasets"][0]["data"] == [0.6, 0.5]
    assert "in 1 of 2 folds" in drawn["Walk-forward, fold by fold"].sentence
    assert json.loads(drawn["Calibration"].data)["datasets"][0]["data"][0] == {"x": 0.4, "y": 0.5}
    assert any("ROC curve" in titles and "train the version anew" in why for why, titles in undrawn.items())
    assert "Not drawn: " in text(admin_client.get(change(version)))


@pytest.mark.parametrize("metrics", [{}, {"metrics": {"accuracy": {"value": None, "low": None, "high": None}}}])
def test_a_report_that_is_empty_or_broken_off_still_has_a_page(admin_client, metrics):
    assert admin_client.get(change(make_version(metrics=metrics))).status_code == 200


def test_its_data_bundle_files_and_signature_are_shown(admin_client):
    version = make_version(params={"max_depth": 3})
    shown = text(admin_client.get(change(version)))
    for fact in (version.bundle, version.data_sha256, "max_depth", ONNX, SIGNATURE, "Close of the newest candle"):
        assert fact in shown


def test_a_file_is_handed_out_as_it_was_registered_and_never_opened_by_a_browser(staff):
    version = make_version()
    answer = staff("view_modelversion").get(file_of(version, ONNX))
    assert answer.content == read_file(version.bundle, ONNX)
    assert answer["Content-Disposition"] == f'attachment; filename="bitcoin-usd-1d-v1-{ONNX}"'
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")


@pytest.mark.parametrize("name", ["manifest.json", "secret_key", "..", "x.onnx"])
def test_what_is_no_file_of_the_bundle_is_not_found(admin_client, name):
    assert admin_client.get(file_of(make_version(), "x").replace("files/x", f"files/{name}")).status_code == 404


def test_who_may_not_see_versions_gets_no_file(staff, client):
    version = make_version()
    assert staff("view_registeredmodel").get(file_of(version, ONNX)).status_code == 403
    assert client.get(file_of(version, ONNX)).status_code == 302


def test_an_altered_file_is_not_handed_out(admin_client):
    version = make_version()
    alter(version.bundle, ONNX)
    answer = admin_client.get(file_of(version, ONNX), follow=True)
    assert "the file was altered" in text(answer)
    assert answer["Content-Type"].startswith("text/html")


def test_an_edit_of_tags_and_description_is_kept_and_shown(admin_client):
    version = make_version()
    sent = {"tags": "good,tried", "description": "the first", "edits-TOTAL_FORMS": 0, "edits-INITIAL_FORMS": 0}
    assert admin_client.post(change(version), sent).status_code == 302
    version.refresh_from_db()
    edit = version.edits.get()
    assert (sorted(version.tags), version.description, edit.actor) == (["good", "tried"], "the first", "user:admin")
    assert edit.before == {"tags": [], "description": ""}
    assert "user:admin" in text(admin_client.get(change(version)))


def test_nothing_but_tags_and_description_can_be_edited(admin_client):
    version = make_version()
    before = ModelVersion.objects.filter(pk=version.pk).values().get()
    sent = {"tags": "", "description": "", "stage": "production", "number": 9, "bundle": "x", "estimator": "y"}
    admin_client.post(change(version), {**sent, "edits-TOTAL_FORMS": 0, "edits-INITIAL_FORMS": 0})
    assert ModelVersion.objects.filter(pk=version.pk).values().get() == before
