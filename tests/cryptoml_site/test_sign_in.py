"""Five failures for a name from an address lock that pair for a quarter of an hour, under /admin/ and /auth/ alike."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from predictions.addresses import address_of

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def anna(django_user_model):
    return django_user_model.objects.create_user("anna", password=PASSWORD, is_staff=True)


def sign_in(password=PASSWORD, *, name="anna", door="/admin/login/", **sent):
    return Client().post(door, {"username": name, "password": password}, **sent)


def fail(times, **sent):
    return [sign_in("wrong", **sent).status_code for _ in range(times)]


@pytest.mark.parametrize("door", ["/admin/login/", "/auth/login/"])
def test_the_fifth_failure_locks_and_the_page_says_for_how_long(anna, door):
    assert fail(5, door=door) == [200, 200, 200, 200, 429]
    locked = sign_in(door=door)
    assert (locked.status_code, locked["Retry-After"]) == (429, "900")
    said = locked.content.decode()
    assert "Signing in is locked" in said
    assert "waits 15 minutes" in said
    assert "_auth_user_id" not in locked.client.session


def test_one_door_locked_is_both(anna):
    fail(5)
    assert sign_in(door="/auth/login/").status_code == 429


def test_others_from_there_and_the_same_from_elsewhere_may(anna, django_user_model):
    django_user_model.objects.create_user("berta", password=PASSWORD, is_staff=True)
    fail(5)
    assert sign_in(name="berta").status_code == 302
    assert sign_in(REMOTE_ADDR="203.0.113.9").status_code == 302


def test_after_a_quarter_of_an_hour_a_right_password_opens_even_if_somebody_went_on(anna):
    fail(7)
    AccessAttempt.objects.update(
        attempt_time=AccessAttempt.objects.get().attempt_time - timedelta(minutes=15, seconds=1)
    )
    assert sign_in().status_code == 302


def test_what_is_tried_while_it_is_locked_does_not_prolong_it(anna):
    fail(5)
    before = AccessAttempt.objects.get().attempt_time
    fail(3)
    assert AccessAttempt.objects.get().attempt_time == before


def test_a_success_forgets_the_failures_before_it(anna):
    fail(4)
    assert sign_in().status_code == 302
    assert fail(4) == [200] * 4


def test_an_unknown_name_is_locked_alike(db):
    assert fail(5, name="nobody")[-1] == 429


def test_an_owner_lifts_a_lock_in_the_admin(anna, django_user_model):
    fail(5)
    owner = django_user_model.objects.create_user("olga", is_staff=True)
    owner.groups.add(Group.objects.get(name="owner"))
    client = Client()
    client.force_login(owner)
    assert "anna" in client.get(reverse("admin:axes_accessattempt_changelist")).content.decode()
    [attempt] = AccessAttempt.objects.all()
    client.post(reverse("admin:axes_accessattempt_delete", args=[attempt.pk]), {"post": "yes"})
    assert sign_in().status_code == 302


def test_no_password_and_no_token_is_kept(anna):
    fail(2)
    [attempt] = AccessAttempt.objects.all()
    assert "wrong" not in attempt.post_data
    assert "csrfmiddlewaretoken=*" in attempt.post_data or "csrfmiddlewaretoken" not in attempt.post_data


def test_nothing_is_written_but_by_signing_in(anna):
    client = Client()
    client.force_login(anna)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        client.get("/admin/")
    assert not [each["sql"] for each in asked if "axes_" in each["sql"]]
    sign_in()
    assert not AccessLog.objects.exists()


@pytest.mark.parametrize(
    ("proxies", "passed", "peer", "address"),
    [
        (0, "203.0.113.9", "10.0.0.2", "10.0.0.2"),  # nobody was told to believe it
        (1, "203.0.113.9", "10.0.0.2", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "10.0.0.2", "203.0.113.9"),  # the client wrote the first
        (2, "6.6.6.6, 203.0.113.9, 104.22.17.40", "10.0.0.2", "203.0.113.9"),  # as Render passes them
        (2, "203.0.113.9", "10.0.0.2", "10.0.0.2"),  # came past the first proxy
        (1, "unknown", "10.0.0.2", "10.0.0.2"),
        (1, "", "10.0.0.2", "10.0.0.2"),
        (1, "2001:db8:1:2:3:4:5:6", "10.0.0.2", "2001:db8:1:2::"),
        (0, "", "::ffff:203.0.113.9", "203.0.113.9"),
        (0, "", "", ""),
    ],
)
def test_the_address_is_what_the_first_proxy_of_ours_saw(settings, proxies, passed, peer, address):
    settings.TRUSTED_PROXIES = proxies
    assert address_of({"HTTP_X_FORWARDED_FOR": passed, "REMOTE_ADDR": peer}) == address


def test_behind_a_proxy_one_that_guesses_locks_nobody_else_out(anna, settings):
    settings.TRUSTED_PROXIES = 1
    assert fail(5, HTTP_X_FORWARDED_FOR="203.0.113.9")[-1] == 429
    assert fail(1, HTTP_X_FORWARDED_FOR="6.6.6.6, 203.0.113.9") == [429]  # another name for the same address
    assert sign_in(HTTP_X_FORWARDED_FOR="203.0.113.10").status_code == 302
