"""`migrate` leaves three groups: who looks, who moves, who owns."""

import pytest
from django.contrib.auth.models import Group, User

from cryptoml_site.groups import GROUPS, ensure_groups

pytestmark = pytest.mark.django_db


def member(group):
    user = User.objects.create_user(group, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


@pytest.mark.parametrize(
    ("permission", "viewer", "operator", "owner"),
    [
        ("registry.view_deployment", True, True, True),
        ("predictions.view_prediction", True, True, True),
        ("training.view_trainingrun", True, True, True),
        ("predictions.add_prediction", True, True, True),
        ("registry.change_modelversion", False, True, True),
        ("registry.change_registeredmodel", False, True, True),
        ("training.add_trainingrun", False, True, True),
        ("django_celery_beat.change_periodictask", False, True, True),
        ("registry.override_gates", False, False, True),
        ("registry.delete_modelversion", False, False, True),
        ("training.change_retrainingpolicy", False, False, True),
        ("monitoring.view_alert", True, True, True),
        ("monitoring.change_alert", False, True, True),
        ("monitoring.silence_alertrule", False, True, True),
        ("monitoring.change_notification", False, True, True),
        ("monitoring.change_alertrule", False, False, True),
        ("monitoring.change_alertchannel", False, False, True),
        ("predictions.add_apikey", False, False, True),
        ("predictions.change_apikey", False, False, True),
        ("auth.change_user", False, False, False),
        ("registry.delete_deployment", False, False, False),
    ],
)
def test_each_group_may_what_it_is_for_and_no_more(permission, viewer, operator, owner):
    held = {group: member(group).has_perm(permission) for group in GROUPS}
    assert held == {"viewer": viewer, "operator": operator, "owner": owner}


def test_migrate_puts_back_what_a_group_is_for_and_leaves_who_is_in_it():
    anna, owner = member("owner"), Group.objects.get(name="owner")
    owner.permissions.clear()
    ensure_groups()
    assert User.objects.get(pk=anna.pk).has_perm("registry.override_gates")
    before = owner.permissions.count()
    ensure_groups()
    assert owner.permissions.count() == before
