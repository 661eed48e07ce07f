"""The page that deletes a version's files: an owner's, and only where nothing needs them."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from registry.models import Deployment
from tests.factories import make_version

pytestmark = pytest.mark.django_db
WHO = {"actor": "user:o", "reason": "no use"}


@pytest.fixture
def archived():
    version = make_version()
    version.to_archive(**WHO)
    return version


def signed_in(group):
    user = User.objects.create_user(group, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def page_of(version):
    return reverse("admin:registry_modelversion_purge", args=[version.pk])


def test_an_owner_purges(archived):
    answers = {"reason": "the disk is full", "request_id": "one"}
    response = signed_in("owner").post(page_of(archived), answers, follow=True)
    assert response.status_code == 200
    assert Deployment.objects.get(kind="purge").reason == "the disk is full"
    archived.refresh_from_db()
    assert archived.purged_at


def test_an_operator_does_not(archived):
    client = signed_in("operator")
    assert client.post(page_of(archived), {"reason": "x"}).status_code == 403
    its_page = client.get(reverse("admin:registry_modelversion_change", args=[archived.pk]))
    assert page_of(archived) not in its_page.content.decode()


def test_what_may_be_needed_is_refused_in_words():
    version = make_version()
    version.promote(**WHO)
    response = signed_in("owner").post(page_of(version), {"reason": "x", "request_id": "one"})
    assert "only an archived version is purged" in response.content.decode()
    version.verify()
