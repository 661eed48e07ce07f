"""The log over HTTP: who sees what, and how it is filtered and paged."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from rest_framework.test import APIClient

from cryptoml_site.clock import now
from predictions.callers import Caller
from predictions.ids import first_id_of
from predictions.models import Prediction
from tests.factories import make_prediction
from tests.predictions.conftest import client_with
from training.features.classic import EXAMPLE

OWN = ["predict", "predictions:read"]
HOUR = timedelta(hours=1)


@pytest.fixture
def own(production):
    """A client that may see its own answers only, with one answer."""
    client = client_with(OWN)
    client.answer = client.post("/predict", EXAMPLE, format="json").json()
    return client


def ids(response):
    return [row["id"] for row in response.json()["results"]]


def test_a_key_sees_its_own_answers_only(own, client):
    client.post("/predict", EXAMPLE, format="json")
    assert ids(own.get("/predictions")) == [own.answer["id"]]


def test_anothers_answer_is_not_there_rather_than_forbidden(own):
    response = client_with(OWN).get(f"/predictions/{own.answer['id']}")
    assert response.status_code == 404


def test_a_key_that_may_read_all_sees_everybodys(own, client):
    assert ids(client.get("/predictions")) == [own.answer["id"]]


def test_a_key_without_a_reading_scope_sees_nothing(production):
    assert client_with(["predict"]).get("/predictions").status_code == 403


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("model=bitcoin-usd-1d", 1),
        ("model=other", 0),
        ("version=1", 1),
        ("version=2", 0),
        ("role=production", 1),
        ("role=shadow", 0),
        ("market=bitcoin-usd-1d", 0),
    ],
)
def test_the_log_is_filtered(own, query, found):
    assert len(ids(own.get(f"/predictions?{query}"))) == found


@pytest.mark.parametrize(("hours", "found"), [(-1, 1), (1, 0)])
def test_since_leaves_out_what_came_before(own, hours, found):
    since = (now() + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert len(ids(own.get(f"/predictions?since={since}"))) == found


@pytest.mark.parametrize("moment", ["1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_since_before_all_time_is_everything(own, moment):
    assert len(ids(own.get(f"/predictions?since={moment}"))) == 1


@pytest.mark.parametrize("query", ["since=yesterday", "role=king", "version=one", "Model=bitcoin-usd-1d"])
def test_a_filter_that_means_nothing_is_refused_by_name(own, query):
    response = own.get(f"/predictions?{query}")
    assert (response.status_code, response.json()["errors"][0]["attr"]) == (400, query.split("=")[0])


def test_pages_follow_each_other_newest_first(own):
    second = own.post("/predict", EXAMPLE, format="json").json()["id"]
    first_page = own.get("/predictions?limit=1")
    assert ids(first_page) == [second]
    assert ids(own.get(first_page.json()["next"])) == [own.answer["id"]]


def test_reading_the_log_costs_the_same_number_of_queries_however_many_rows(own, django_assert_max_num_queries):
    for _ in range(5):
        own.post("/predict", EXAMPLE, format="json")
    with django_assert_max_num_queries(2):  # the key, the rows
        assert len(ids(own.get("/predictions"))) == 6


def test_a_signed_in_member_of_staff_reads_by_permission(own, admin_client, client):
    assert ids(admin_client.get("/predictions?format=json")) == [own.answer["id"]]


def test_the_browsable_page_shows_a_form_to_staff(own, admin_client):
    page = admin_client.get("/predict", headers={"Accept": "text/html"})
    assert (page.status_code, b"<form" in page.content) == (405, True)


@pytest.mark.parametrize(("scopes", "status"), [(["predict"], 200), ([], 401), (["metrics:read"], 401)])
def test_without_a_key_only_what_the_operator_opened_is_allowed(production, settings, scopes, status):
    settings.ANONYMOUS_SCOPES = frozenset(scopes)
    client = client_with([])
    client.defaults.pop("HTTP_X_API_KEY")
    assert client.post("/predict", EXAMPLE, format="json").status_code == status


def test_nobody_gets_to_write_the_registry_without_a_key(settings):
    settings.ANONYMOUS_SCOPES = frozenset(["registry:write", "predict"])
    assert Caller().may("predict")
    assert not Caller().may("registry:write")


@pytest.mark.parametrize(("is_staff", "allowed"), [(True, True), (False, False)])
def test_a_permission_counts_for_staff_alone(own, django_user_model, client, is_staff, allowed):
    user = django_user_model.objects.create(username="anna", is_staff=is_staff)
    user.user_permissions.add(Permission.objects.get(codename="view_prediction"))
    person = APIClient()
    person.force_login(user)
    assert (person.get("/predictions").status_code == 200) == allowed


def test_staff_without_the_permission_read_nothing(own, django_user_model):
    person = APIClient()
    person.force_login(django_user_model.objects.create(username="anna", is_staff=True))
    assert person.get("/predictions").status_code == 403


@pytest.mark.parametrize("asked", [{"role": "shadow"}, {"direction": None}], ids=["another role", "abstained"])
def test_what_is_rare_is_found_by_an_index_of_its_own(production, asked):
    make_prediction(made_at=now(), version=production)
    columns = ", ".join(f'"{field.column}"' for field in Prediction._meta.concrete_fields if field.name != "id")
    of_this_hour = {"id__gte": first_id_of(now() - HOUR), "id__lt": first_id_of(now() + HOUR)}
    newest = Prediction.objects.filter(**asked, **of_this_hour).order_by("-id")[:100]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO predictions_prediction (id, {columns}) "  # noqa: S608
            f"SELECT uuidv7(), {columns} FROM predictions_prediction, generate_series(1, 5000)"
        )
        cursor.execute("ANALYZE predictions_prediction")
    plan = newest.explain()
    assert "Index" in plan
    assert "Filter" not in plan  # no row is read and left out
