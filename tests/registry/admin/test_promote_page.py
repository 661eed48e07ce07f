"""Candidate beside production, on one page; and a rollback in two clicks."""

import pytest

from registry.bundles import ONNX
from registry.models import Deployment
from tests.factories import alter, make_version
from tests.registry.admin.pages import BAD, WHY, change, page, send, text

pytestmark = pytest.mark.django_db


def test_promoting_writes_the_ledger_in_the_name_of_who_is_signed_in(admin_client):
    version = make_version()
    answer = admin_client.get(send(admin_client, page("promote", version)).url)
    moved = version.model.deployments.newest_move()
    assert (moved.to_version, moved.actor, moved.reason) == (version, "user:admin", WHY["reason"])
    assert f"{version} is in production: generation {moved.generation}" in text(answer)


def test_the_page_shows_what_answers_now_what_would_and_the_figures_of_both(admin_client):
    old, new = make_version(), make_version(metrics=BAD)
    old.promote(actor="user:operator", reason="first")
    shown = text(admin_client.get(page("promote", new)))
    assert 'Now <strong class="cm-strong">version 1</strong> answers' in shown
    assert 'After this <strong class="cm-strong">version 2</strong> answers' in shown
    assert "accuracy 0.550 against 0.520" in shown
    assert "1 of 8 gates does not pass:" in shown
    assert "0.5200 (majority)" in shown
    assert shown.count("0.550 [0.530, 0.570]") == 2


def test_features_that_clients_would_have_to_change_are_named(admin_client):
    make_version().promote(actor="user:operator", reason="first")
    shown = text(admin_client.get(page("promote", make_version(features="technical"))))
    assert "They ask for different features" in shown
    assert "<dt>Dropped</dt><dd>price, price_change" in shown


def test_a_gate_that_does_not_pass_is_said_with_every_verdict_and_nothing_changes(admin_client):
    version = make_version(metrics=BAD)
    answer = send(admin_client, page("promote", version))
    assert "Nothing was changed" in text(answer)
    assert f"{version} may not answer. EdgeOverBaseline fail: accuracy 0.550" in text(answer)
    assert "SameSignature" in text(answer)
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
    assert "the file was altered" in text(send(admin_client, page("promote", version)))
    assert Deployment.objects.count() == 0


def test_overriding_a_gate_needs_a_permission_of_its_own(staff):
    version = make_version(metrics=BAD)
    client = staff("change_modelversion")
    assert "which you do not have" in text(client.get(page("promote", version)))
    assert send(client, page("promote", version), override="on").status_code == 403
    assert Deployment.objects.count() == 0


def test_who_may_override_does_and_the_ledger_keeps_it(staff):
    version = make_version(metrics=BAD)
    client = staff("change_modelversion", "override_gates")
    assert send(client, page("promote", version), override="on").status_code == 302
    assert version.model.deployments.newest_move().evidence["overridden"]


def test_a_quarantined_version_says_so_and_is_not_promoted(admin_client):
    old, new = make_version(), make_version()
    old.promote(actor="user:operator", reason="first")
    new.promote(actor="user:operator", reason="second")
    new.model.rollback(actor="user:operator", reason="worse")
    new.restore(actor="user:operator", reason="once more")
    assert "QUARANTINED." in text(admin_client.get(page("promote", new)))
    assert "A person must lift it first" in text(send(admin_client, page("promote", new)))
    assert old.model.versions.in_production().get() == old


def test_buttons_are_shown_where_they_can_work_to_who_may_press_them(staff, admin_client):
    version = make_version()
    assert f'href="{page("promote", version)}"' in text(admin_client.get(change(version)))
    assert f'href="{page("promote", version)}"' not in text(staff("view_modelversion").get(change(version)))
    version.promote(actor="user:operator", reason="first")
    assert f'href="{page("promote", version)}"' not in text(admin_client.get(change(version)))


def test_a_rollback_puts_back_what_the_newest_move_replaced(replaced, admin_client):
    old, new = replaced
    shown = text(admin_client.get(page("rollback", new.model)))
    assert 'Now <strong class="cm-strong">version 2</strong> answers' in shown
    assert 'After this <strong class="cm-strong">version 1</strong> answers' in shown
    assert "Back from version 2." in shown
    send(admin_client, page("rollback", new.model), reason="it is worse")
    assert new.model.versions.in_production().get() == old


def test_a_rollback_may_name_any_version_that_answered_and_no_other(admin_client):
    versions = [make_version() for _ in range(3)]
    for version in versions:
        version.promote(actor="user:operator", reason="next")
    never = make_version()
    url = page("rollback", never.model)
    assert "is not one of the available choices" in text(send(admin_client, url, to=never.number))
    assert send(admin_client, url, to="1").status_code == 302
    assert never.model.versions.in_production().get() == versions[0]


def test_a_rollback_with_nothing_before_it_is_refused_in_words(admin_client):
    version = make_version()
    assert "Nothing ever answered" in text(admin_client.get(page("rollback", version.model)))
    assert "has no earlier version to go back to" in text(send(admin_client, page("rollback", version.model)))


def test_a_rollback_to_other_features_asks_for_the_override(admin_client, staff):
    old, new = make_version(), make_version(features="technical")
    old.promote(actor="user:operator", reason="first")
    new.promote(actor="user:operator", reason="second", override=True)
    url = page("rollback", new.model)
    assert "override it if you mean to" in text(send(admin_client, url))
    assert send(staff("change_modelversion"), url, override="on").status_code == 403
    assert send(admin_client, url, override="on").status_code == 302
    assert new.model.versions.in_production().get() == old
