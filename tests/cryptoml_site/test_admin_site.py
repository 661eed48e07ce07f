"""The admin's frame: who sees what in the sidebar, people and groups, and what it costs those who never open it."""

import re
import subprocess
import sys

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.urls import reverse

from cryptoml_site.celery import app
from cryptoml_site.navigation import GROUPS
from training.admin.schedules import TASKS

HOME = reverse("admin:index")


def sidebar(client):
    shown = client.get(HOME).context["sidebar_navigation"]
    return {group["title"]: [item["title"] for item in group["items"]] for group in shown if "title" in group}


@pytest.mark.django_db
def test_the_sidebar_leads_an_administrator_everywhere(admin_client):
    assert sidebar(admin_client) == {title: [place.title for place in places] for title, places in GROUPS.items()}
    for places in GROUPS.values():
        assert [place.link for place in places if admin_client.get(place.link).status_code != 200] == []


@pytest.mark.django_db
def test_the_sidebar_shows_nobody_what_they_may_not_see(client, django_user_model):
    anna = django_user_model.objects.create_user("anna", is_staff=True)
    anna.user_permissions.set(Permission.objects.filter(codename="view_deployment"))
    client.force_login(anna)
    assert sidebar(client) == {"What answers": ["Ledger"]}


@pytest.mark.django_db
def test_a_user_is_made_and_put_into_a_group(admin_client):
    group = Group.objects.create(name="traders")
    password = "correct horse battery"
    made = {"username": "anna", "usable_password": "true", "password1": password, "password2": password}
    assert admin_client.post(reverse("admin:auth_user_add"), made).status_code == 302
    anna = User.objects.get(username="anna")
    assert anna.check_password(password)
    change = reverse("admin:auth_user_change", args=[anna.pk])
    sent = {"username": "anna", "groups": [group.pk], "date_joined_0": "2026-01-01", "date_joined_1": "00:00"}
    assert admin_client.post(change, sent).status_code == 302
    assert list(anna.groups.all()) == [group]
    assert admin_client.get(reverse("admin:auth_user_password_change", args=[anna.pk])).status_code == 200
    assert admin_client.get(reverse("admin:auth_group_change", args=[group.pk])).status_code == 200


def test_the_tasks_that_a_schedule_offers_are_those_that_a_worker_knows():
    app.loader.import_default_modules()
    assert set(TASKS) <= set(app.tasks)


def test_who_never_opens_the_admin_does_not_load_it():
    """A worker's start: the theme's and the admin's modules are for urls.py to ask for."""
    asked = (
        "import django; django.setup(); import sys; print(sorted(n for n in sys.modules if n.startswith('unfold.')))"
    )
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    loaded = set(re.findall(r"'([^']+)'", said))
    assert not {name for name in loaded if not name.startswith("unfold.contrib")}
