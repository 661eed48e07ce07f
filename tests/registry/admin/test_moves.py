"""Moves by hand: asked for before they are made, by the same methods as everywhere, refused in words."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from registry.models import Deployment, ModelVersion, RegisteredModel, VersionEdit
from tests.factories import make_version
from tests.registry.admin.pages import WHY, change, hidden, page, send, text

pytestmark = pytest.mark.django_db


def state():
    return (
        list(ModelVersion.objects.order_by("pk").values_list("stage", "tags", "description")),
        list(RegisteredModel.objects.order_by("pk").values_list("is_default")),
        Deployment.objects.count(),
        VersionEdit.objects.count(),
    )


def test_looking_at_a_page_changes_nothing(moves, admin_client):
    before = state()
    assert {name: admin_client.get(url).status_code for name, url in moves.items()} == dict.fromkeys(moves, 200)
    assert state() == before


def test_a_post_without_the_token_changes_nothing(moves, admin_user):
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    before = state()
    answers = {name: client.post(url, {**WHY, **hidden(client, url)}).status_code for name, url in moves.items()}
    assert answers == dict.fromkeys(moves, 403)
    assert client.post(change(ModelVersion.objects.first()), {"tags": "x"}).status_code == 403
    assert state() == before


@pytest.mark.parametrize("method", ["get", "post"])
def test_staff_who_may_only_look_are_refused(moves, staff, method):
    client, before = staff("view_modelversion", "view_registeredmodel"), state()
    sent = {**WHY, "leaving": 2}
    answers = {name: getattr(client, method)(url, sent).status_code for name, url in moves.items()}
    assert answers == dict.fromkeys(moves, 403)
    assert client.post(change(ModelVersion.objects.first()), {"tags": "x"}).status_code == 403
    assert state() == before


def test_who_is_not_signed_in_is_sent_to_the_door(moves, client):
    before = state()
    assert {client.post(url, WHY).status_code for url in moves.values()} == {302}
    assert state() == before


@pytest.mark.parametrize(
    "name", ["promote", "stage", "archive", "restore", "lift", "rollback", "suspend", "resume", "make-default"]
)
def test_with_the_token_each_page_does_what_its_button_says(moves, admin_user, name):
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    drawn, before = hidden(client, moves[name]), state()
    sent = {**drawn, **WHY, "csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    assert client.post(moves[name], sent).status_code == 302
    assert state() != before


@pytest.mark.parametrize("name", ["promote", "stage", "archive", "restore", "lift", "rollback", "suspend", "resume"])
def test_sent_twice_a_page_does_its_work_once_and_says_so(moves, admin_client, name):
    sent = {**hidden(admin_client, moves[name]), **WHY}
    first = admin_client.post(moves[name], sent, follow=True)
    done, told = state(), LogEntry.objects.count()
    second = admin_client.post(moves[name], sent, follow=True)
    assert (state(), LogEntry.objects.count()) == (done, told)
    said = [[str(message) for message in answer.context["messages"]] for answer in (first, second)]
    assert said[0][0].startswith("Done: ")
    assert said[1][0].startswith("This form was sent before and did its work once: user:admin ")


def test_a_form_that_comes_again_much_later_does_nothing_although_it_would_fit_once_more(replaced, admin_client):
    model = replaced[0].model
    sent = {**hidden(admin_client, page("rollback", model)), **WHY}
    admin_client.post(page("rollback", model), sent)
    model.rollback(actor="user:berta", reason="it was not the model")
    before = state()
    answer = admin_client.post(page("rollback", model), sent, follow=True)
    assert "was sent before" in text(answer)
    assert state() == before


def test_another_pages_mark_makes_nothing_look_done(replaced, admin_client):
    new, model = replaced[1], replaced[1].model
    mark = hidden(admin_client, page("rollback", model))["request_id"]
    admin_client.post(
        page("rollback", model), {**hidden(admin_client, page("rollback", model)), **WHY, "request_id": mark}
    )
    answer = admin_client.post(page("stage", new), {**WHY, "request_id": mark}, follow=True)
    assert "is for versions that are candidate" in text(answer)


@pytest.mark.parametrize("name", ["promote", "rollback"])
def test_what_somebody_else_did_meanwhile_is_said_and_not_undone(moves, admin_client, name):
    drawn = hidden(admin_client, moves[name])
    make_version().promote(actor="user:berta", reason="mine is better")
    before = state()
    answer = admin_client.post(moves[name], {**drawn, **WHY})
    assert "moved since you looked, when version 2 answered: user:berta promoted version" in text(answer)
    assert "mine is better" in text(answer)
    assert state() == before
    again = {field.name: field.value() for field in answer.context["form"].hidden_fields()}
    assert again["leaving"] != drawn["leaving"]
    assert admin_client.post(moves[name], {**again, **WHY}).status_code == 302


@pytest.mark.parametrize("name", ["promote", "rollback"])
def test_a_page_that_does_not_say_what_it_leaves_is_refused(moves, admin_client, name):
    before = state()
    assert "look at it again" in text(admin_client.post(moves[name], WHY))
    assert state() == before


@pytest.mark.parametrize("reason", ["", "   "])
def test_every_move_asks_for_a_reason(moves, admin_client, reason):
    before = state()
    for name, url in moves.items():
        if name != "make-default":
            assert "This field is required" in text(send(admin_client, url, reason=reason))
    assert state() == before


def test_a_refusal_is_said_in_words(replaced, admin_client):
    old, new = replaced
    assert "is for versions that are candidate" in text(send(admin_client, page("stage", new)))
    assert "is production: " in text(send(admin_client, page("archive", new)))
    assert "is not in quarantine" in text(send(admin_client, page("lift-quarantine", old)))
    assert "is not suspended" in text(send(admin_client, page("resume", new.model)))


def test_the_list_leads_to_the_page_for_one_selected_version(admin_client):
    one, two = make_version(), make_version()
    url = reverse("admin:registry_modelversion_changelist")
    answer = admin_client.post(url, {"action": "promote", "_selected_action": [one.pk]})
    assert (answer.status_code, answer.url) == (302, page("promote", one))
    several = {"action": "promote", "_selected_action": [one.pk, two.pk]}
    assert "select one row, not several" in text(admin_client.post(url, several, follow=True))
    assert Deployment.objects.count() == 0


def test_a_page_of_a_row_that_does_not_exist_is_not_found(admin_client):
    assert admin_client.get(reverse("admin:registry_modelversion_promote", args=[999])).status_code == 404
    assert admin_client.get(reverse("admin:registry_modelversion_promote", args=["x"])).status_code == 404


def test_the_actor_of_a_very_long_username_fits_the_ledger(client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("a" * 150))
    version = make_version()
    assert send(client, page("promote", version)).status_code == 302
    assert len(version.model.deployments.newest_move().actor) == 100
