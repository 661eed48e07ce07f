"""Secrets are changed while people work: what the key before signed goes on to hold, and no longer than it is named."""

import pytest
from django.urls import reverse

OLD, NEW = "o" * 60, "n" * 60


@pytest.fixture
def signed_in(client, admin_user, settings):
    settings.SECRET_KEY = OLD
    client.force_login(admin_user)
    assert client.get(reverse("admin:index")).status_code == 200
    return client


def test_who_is_signed_in_stays_so_while_the_key_before_is_named(signed_in, settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert signed_in.get(reverse("admin:index")).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []  # the session was signed anew meanwhile
    assert signed_in.get(reverse("admin:index")).status_code == 200


def test_a_session_of_a_key_that_is_no_longer_named_has_ended(signed_in, settings):
    settings.SECRET_KEY = NEW
    assert signed_in.get(reverse("admin:index")).status_code == 302
