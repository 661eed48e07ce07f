"""Moves by hand: asked for before they are made, by the same methods as everywhere, refused in words."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from registry.bundles import ONNX
from registry.models import Deployment, ModelVersion, RegisteredModel, VersionEdit
from tests.factories import alter, make_market, make_model, make_version, report

pytestmark = pytest.mark.django_db

BAD = report(edge_low=-0.01)
WHY = {"reason": "beats the baseline by 3 points"}


def page(name, row):
    return reverse(f"admin:registry_{row._meta.model_name}_{name}", args=[row.pk])


def change(row):
    return page("change", row)


def text(answer):
    return " ".join(answer.content.decode().split())


@pytest.fixture
def staff(django_user_model):
    """Signs in somebody who has these permissions and no others."""

    def sign_in(*codenames):
        user = django_user_model.objects.create_user("anna", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client(enforce_csrf_checks=False)
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def moves():
    """Each page that changes state, with a row that it could change and an answer that it would accept."""
    old, new = make_version(), make_version()
    old.promote(actor="user:operator", reason="first")
    new.promote(actor="user:operator", reason="second")
    other = make_model("other", default=False)
    return [
        (page("promote", make_version()), WHY),
        (page("stage", make_version()), WHY),
        (page("rollback", new.model), WHY),
        (page("make-default", other), {}),
    ]


def state():
    return (
        list(ModelVersion.objects.order_by("pk").values_list("stage", "tags", "description")),
        list(RegisteredModel.objects.order_by("pk").values_list("is_default")),
        Deployment.objects.count(),
        VersionEdit.objects.count(),
    )


def test_looking_at_a_page_changes_nothing(moves, admin_client):
    before = state()
    assert [admin_client.get(url).status_code for url, _ in moves] == [200] * 4
    assert state() == before


def test_a_post_without_the_token_changes_nothing(moves, admin_user):
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    before = state()
    assert [client.post(url, answers).status_code for url, answers in moves] == [403] * 4
    assert client.post(change(ModelVersion.objects.first()), {"tags": "x"}).status_code == 403
    assert state() == before


@pytest.mark.parametrize("method", ["get", "post"])
def test_staff_who_may_only_look_are_refused(moves, staff, method):
    client, before = staff("view_modelversion", "view_registeredmodel"), state()
    assert [getattr(client, method)(url, answers).status_code for url, answers in moves] == [403] * 4
    assert client.post(change(ModelVersion.objects.first()), {"tags": "x"}).status_code == 403
    assert state() == before


def test_who_is_not_signed_in_is_sent_to_the_door(moves, client):
    before = state()
    assert [client.post(url, answers).status_code for url, answers in moves] == [302] * 4
    assert state() == before


def test_with_the_token_each_page_does_what_its_button_says(moves, admin_user):
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    for url, answers in moves:
        client.get(url)
        sent = {**answers, "csrfmiddlewaretoken": client.cookies["csrftoken"].value}
        before = state()
        assert client.post(url, sent).status_code == 302
        assert state() != before


def test_promoting_writes_the_ledger_in_the_name_of_who_is_signed_in(admin_client):
    version = make_version()
    answer = admin_client.post(page("promote", version), WHY, follow=True)
    moved = version.model.deployments.newest_move()
    assert (moved.to_version, moved.actor, moved.reason) == (version, "user:admin", WHY["reason"])
    assert f"{version} is in production: generation {moved.generation}" in text(answer)


def test_the_page_shows_what_answers_now_what_would_and_the_figures_of_both(admin_client):
    old, new = make_version(), make_version(metrics=BAD)
    old.promote(actor="user:operator", reason="first")
    shown = text(admin_client.get(page("promote", new)))
    assert "Now <strong>version 1</strong> answers" in shown
    assert "After this <strong>version 2</strong> answers" in shown
    assert "EdgeOverBaseline</th><td>✘ does not pass</td><td>accuracy 0.550 against 0.520" in shown
    assert "SameSignature</th><td>✔ passes" in shown
    assert "<td>0.550 [0.530, 0.570]</td><td>0.5200 (majority)</td>" in shown


def test_a_gate_that_does_not_pass_is_said_with_every_verdict_and_nothing_changes(admin_client):
    version = make_version(metrics=BAD)
    answer = admin_client.post(page("promote", version), WHY)
    assert "Nothing was changed" in text(answer)
    assert f"{version} may not answer. EdgeOverBaseline fail: accuracy 0.550" in text(answer)
    assert "SameSignature</th><td>✔ passes" in text(answer)
    assert Deployment.objects.count() == 0
    version.refresh_from_db()
    assert version.stage == "candidate"


def test_a_version_without_a_report_is_shown_so(admin_client):
    shown = text(admin_client.get(page("promote", make_version(metrics={}))))
    assert "nothing is known of how well it answers" in shown
    assert "not enough evidence" in shown


def test_an_altered_bundle_is_refused_in_words(admin_client):
    version = make_version()
    alter(version.bundle, ONNX)
    assert "the file was altered" in text(admin_client.post(page("promote", version), WHY))
    assert Deployment.objects.count() == 0


@pytest.mark.parametrize("reason", ["", "   "])
def test_every_move_asks_for_a_reason(moves, admin_client, reason):
    before = state()
    for url, answers in moves:
        if answers:
            assert "This field is required" in text(admin_client.post(url, {"reason": reason}))
    assert state() == before


def test_overriding_a_gate_needs_a_permission_of_its_own(staff):
    version = make_version(metrics=BAD)
    client = staff("change_modelversion")
    assert "which you do not have" in text(client.get(page("promote", version)))
    assert client.post(page("promote", version), {**WHY, "override": "on"}).status_code == 403
    assert Deployment.objects.count() == 0


def test_who_may_override_does_and_the_ledger_keeps_it(staff):
    version = make_version(metrics=BAD)
    client = staff("change_modelversion", "override_gates")
    assert client.post(page("promote", version), {**WHY, "override": "on"}).status_code == 302
    assert version.model.deployments.newest_move().evidence["overridden"]


def test_a_rollback_puts_back_what_the_newest_move_replaced(admin_client):
    old, new = make_version(), make_version()
    old.promote(actor="user:operator", reason="first")
    new.promote(actor="user:operator", reason="second")
    shown = text(admin_client.get(page("rollback", new.model)))
    assert "Now <strong>version 2</strong> answers" in shown
    assert "After this <strong>version 1</strong> answers" in shown
    admin_client.post(page("rollback", new.model), {"reason": "it is worse"})
    assert new.model.versions.in_production().get() == old


def test_a_rollback_may_name_any_version_that_answered_and_no_other(admin_client):
    versions = [make_version() for _ in range(3)]
    for version in versions:
        version.promote(actor="user:operator", reason="next")
    never = make_version()
    url = page("rollback", never.model)
    assert "is not one of the available choices" in text(admin_client.post(url, {**WHY, "to": never.number}))
    assert admin_client.post(url, {**WHY, "to": "1"}).status_code == 302
    assert never.model.versions.in_production().get() == versions[0]


def test_a_rollback_with_nothing_before_it_is_refused_in_words(admin_client):
    version = make_version()
    assert "Nothing ever answered" in text(admin_client.get(page("rollback", version.model)))
    assert "has no earlier version to go back to" in text(admin_client.post(page("rollback", version.model), WHY))


def test_the_list_leads_to_the_page_for_one_selected_version(admin_client):
    one, two = make_version(), make_version()
    url = reverse("admin:registry_modelversion_changelist")
    answer = admin_client.post(url, {"action": "promote", "_selected_action": [one.pk]})
    assert (answer.status_code, answer.url) == (302, page("promote", one))
    several = {"action": "promote", "_selected_action": [one.pk, two.pk]}
    assert "select one row, not several" in text(admin_client.post(url, several, follow=True))
    assert Deployment.objects.count() == 0


def test_buttons_are_shown_where_they_can_work_to_who_may_press_them(staff, admin_client):
    version = make_version()
    assert f'href="{page("promote", version)}"' in text(admin_client.get(change(version)))
    assert f'href="{page("promote", version)}"' not in text(staff("view_modelversion").get(change(version)))
    version.promote(actor="user:operator", reason="first")
    assert f'href="{page("promote", version)}"' not in text(admin_client.get(change(version)))


def test_a_page_of_a_row_that_does_not_exist_is_not_found(admin_client):
    assert admin_client.get(reverse("admin:registry_modelversion_promote", args=[999])).status_code == 404
    assert admin_client.get(reverse("admin:registry_modelversion_promote", args=["x"])).status_code == 404


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


def test_a_model_shows_what_answers_since_when_and_by_whom_and_leads_everywhere(admin_client):
    version = make_version()
    version.promote(actor="key:abcd1234", reason="first")
    shown = text(admin_client.get(change(version.model)))
    assert "version 1" in shown
    assert "key:abcd1234 (promote)" in shown
    for linked in ("registry_modelversion", "registry_deployment", "training_trainingrun", "predictions_prediction"):
        url = f"{reverse(f'admin:{linked}_changelist')}?model__id__exact={version.model.pk}"
        assert f'href="{url}"' in shown
        assert admin_client.get(url).status_code == 200


def test_a_model_says_what_is_wrong_with_it(admin_client):
    make_model()
    shown = text(admin_client.get(reverse("admin:registry_registeredmodel_changelist")))
    assert "nothing is in production: promote a version" in shown
    assert "market bitcoin-usd-1d is gone" in shown
    make_market()
    shown = text(admin_client.get(reverse("admin:registry_registeredmodel_changelist")))
    assert "bitcoin-usd-1d has no candles yet" in shown


def test_a_new_model_needs_a_name_that_the_api_can_carry(admin_client):
    add = reverse("admin:registry_registeredmodel_add")
    assert "Constraint" in text(admin_client.post(add, {"name": "list", "market": "m", "horizon": 1}))
    assert admin_client.post(add, {"name": "fine", "market": "bitcoin-usd-1d", "horizon": 1}).status_code == 302
    assert RegisteredModel.objects.get().name == "fine"


def test_the_ledger_shows_what_the_gates_said(admin_client):
    moved = make_version(metrics=BAD).promote(actor="user:operator", reason="must", override=True)
    assert "overridden" in text(admin_client.get(reverse("admin:registry_deployment_changelist")))
    assert "accuracy 0.550 against 0.520" in text(admin_client.get(change(moved)))


def test_the_actor_of_a_very_long_username_fits_the_ledger(client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("a" * 150))
    version = make_version()
    assert client.post(page("promote", version), WHY).status_code == 302
    assert len(version.model.deployments.newest_move().actor) == 100
