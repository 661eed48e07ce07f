"""A client says how an answer to its own features turned out: once, of its own answers, and for its own eyes."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from rest_framework.test import APIClient

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from predictions.models import ClientOutcome, Prediction
from tests.factories import make_market, make_prediction, make_version
from tests.predictions.conftest import client_with
from training.features.classic import EXAMPLE
from training.models import Outcome

pytestmark = pytest.mark.django_db


@pytest.fixture
def answer(client, production):
    return client.post("/predict", EXAMPLE, format="json").json()


def give(client, answer, body):
    return client.post(f"/api/v1/predictions/{answer['id']}/outcome", body, format="json")


def error(reply):
    return reply.json()["errors"][0]


@pytest.mark.parametrize(
    ("body", "right"),
    [
        ({"log_return": 0.01}, True),
        ({"log_return": -0.01}, False),
        ({"log_return": 0}, False),
        ({"direction": "up"}, True),
        ({"direction": "down"}, False),
    ],
)
def test_it_is_shown_with_the_answer_and_its_lineage(client, answer, body, right):
    reply = give(client, answer, body)
    assert reply.status_code == 201
    given = reply.json()
    assert (given["right"], given["given_by"]) == (right, client.key.label)
    assert {name: given[name] for name in body} == body
    assert client.get(f"/predictions/{answer['id']}").json()["client_outcome"] == given
    assert client.get(f"/predictions/{answer['id']}/lineage").json()["client_outcome"] == given


def test_without_one_there_is_null(client, answer):
    assert client.get(f"/predictions/{answer['id']}").json()["client_outcome"] is None
    assert client.get(f"/predictions/{answer['id']}/lineage").json()["client_outcome"] is None


def test_the_same_again_changes_nothing_and_another_is_refused(client, answer):
    first = give(client, answer, {"log_return": 0.01})
    again = give(client, answer, {"log_return": 0.01})
    assert (again.status_code, again.json()) == (200, first.json())
    for other in ({"log_return": 0.02}, {"direction": "up"}):
        refused = give(client, answer, other)
        assert (refused.status_code, error(refused)["code"]) == (409, "outcome_given")
        assert refused.json()["evidence"] == {"log_return": 0.01, "direction": None}
    assert ClientOutcome.objects.get().log_return == 0.01


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ("{}", "log_return", "missing_field"),
        ('{"log_return": 0.1, "direction": "up"}', "direction", "one_of_two"),
        ('{"log_return": NaN}', "log_return", "not_finite"),
        ('{"log_return": -Infinity}', "log_return", "not_finite"),
        ('{"log_return": 1e999}', "log_return", "not_finite"),
        ('{"log_return": 1' + "0" * 400 + "}", "log_return", "not_finite"),
        ('{"log_return": "0.1"}', "log_return", "not_a_number"),
        ('{"log_return": true}', "log_return", "not_a_number"),
        ('{"log_return": null}', "log_return", "not_a_number"),
        ('{"direction": "sideways"}', "direction", "bad_direction"),
        ('{"direction": null}', "direction", "bad_direction"),
        ('{"direction": ["up"]}', "direction", "bad_direction"),
        ('{"Direction": "up", "log_return": 0.1}', "Direction", "unknown_field"),
        ("[0.1]", None, "not_an_object"),
        ('"up"', None, "not_an_object"),
    ],
)
def test_bad_input_is_named_and_nothing_is_stored(client, answer, body, field, code):
    reply = client.post(f"/predictions/{answer['id']}/outcome", body, content_type="application/json")
    assert (reply.status_code, error(reply)["attr"], error(reply)["code"]) == (400, field, code)
    assert not ClientOutcome.objects.exists()


def test_what_a_market_of_ours_settles_needs_nobodys_word(client, production):
    market = make_market(newest=now())
    row = make_prediction(
        made_at=now(), version=production, key=client.key, actor=client.key.label, market=market.name, as_of=now()
    )
    reply = give(client, {"id": row.pk}, {"direction": "up"})
    assert (reply.status_code, error(reply)["code"]) == (409, "market_settles")


def test_anothers_answer_is_not_there_though_it_may_be_read(client, answer):
    for scopes in (["predict"], ["predict", "predictions:read_all"]):
        assert give(client_with(scopes), answer, {"direction": "up"}).status_code == 404
    assert give(client, {"id": "01980000-0000-7000-8000-000000000000"}, {"direction": "up"}).status_code == 404


def test_who_may_not_ask_may_not_tell(client, answer):
    assert give(client_with(["predictions:read_all"]), answer, {"direction": "up"}).status_code == 403
    assert give(APIClient(), answer, {"direction": "up"}).status_code == 401


def test_nobody_tells_of_what_nobody_known_asked(production, settings):
    settings.ANONYMOUS_SCOPES = frozenset(["predict"])
    stranger = APIClient()
    made = stranger.post("/predict", EXAMPLE, format="json").json()
    assert give(stranger, made, {"direction": "up"}).status_code == 404


def test_another_key_that_reads_all_is_not_told(client, answer):
    give(client, answer, {"direction": "up"})
    other = client_with(["predictions:read_all"])
    assert other.get(f"/predictions/{answer['id']}").json()["client_outcome"] is None
    assert other.get(f"/predictions/{answer['id']}/lineage").json()["client_outcome"] is None


def test_staff_see_it_and_tell_of_their_own_answers_alone(client, answer, admin_client, admin_user):
    give(client, answer, {"direction": "up"})
    assert admin_client.get(f"/predictions/{answer['id']}?format=json").json()["client_outcome"]["direction"] == "up"
    page = admin_client.get(reverse("admin:predictions_prediction_change", args=[answer["id"]])).content.decode()
    assert "As its client says" in page
    staff = APIClient()
    staff.force_login(admin_user)
    assert give(staff, answer, {"direction": "up"}).status_code == 404
    own = staff.post("/predict", EXAMPLE, format="json").json()
    assert give(staff, own, {"direction": "down"}).status_code == 201


def test_a_member_of_staff_needs_the_permission_to_ask(production, django_user_model):
    user = django_user_model.objects.create(username="anna", is_staff=True)
    row = make_prediction(made_at=now(), version=production, actor="user:anna")
    person = APIClient()
    person.force_login(user)
    assert give(person, {"id": row.pk}, {"direction": "up"}).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="add_prediction"))
    person.force_login(django_user_model.objects.get(pk=user.pk))
    assert give(person, {"id": row.pk}, {"direction": "up"}).status_code == 201


def test_it_makes_no_outcome_of_ours(client, answer):
    give(client, answer, {"log_return": 0.01})
    assert not Outcome.objects.exists()
    found = client.get(f"/predictions/{answer['id']}/lineage").json()
    assert (found["outcome"], found["right"]) == (None, None)


@pytest.mark.parametrize("facts", [{}, {"log_return": 0.1, "direction": "up"}, {"direction": "flat"}])
def test_the_database_holds_one_of_the_two(facts):
    with pytest.raises(IntegrityError), transaction.atomic():
        ClientOutcome.objects.create(pk="01980000-0000-7000-8000-000000000000", given_by="key:x", **facts)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_the_database_holds_no_return_that_is_not_finite(value):
    with pytest.raises(IntegrityError), transaction.atomic():
        ClientOutcome.objects.create(
            pk="01980000-0000-7000-8000-000000000000", given_by="key:x", log_return=float(value)
        )


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_kept():
    row = make_prediction(made_at=now(), version=make_version())

    def tell(place):
        try:
            return ClientOutcome.objects.give(Prediction.objects.get(pk=row.pk), actor="key:x", log_return=place / 100)[
                1
            ]
        except Refused as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(tell, range(8)))
    assert (told.count(True), told.count("outcome_given")) == (1, 7)
