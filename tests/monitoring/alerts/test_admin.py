"""Alerts in the admin: pages ask before anything changes, secrets are shown to who may change them alone."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from cryptoml_site.clock import now
from monitoring.alerts.messages import payload_of_test
from monitoring.alerts.watching import watch
from monitoring.models import Alert, AlertChannel, AlertRule, Notification, WorkerHeartbeat
from tests.registry.admin.pages import text

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("set_clock")]


def page(name, row):
    return reverse(f"admin:monitoring_{row._meta.model_name}_{name}", args=[row.pk])


def changelist(name):
    return reverse(f"admin:monitoring_{name}_changelist")


@pytest.fixture
def alert(rule, incident):
    incident()
    watch()
    return Alert.objects.get()


@pytest.fixture
def sent(alert):
    Notification.objects.update(state="sent", sent_at=now())
    return Notification.objects.get()


@pytest.fixture
def pages(alert, sent, rule, channel):
    """Each page that changes something, and what its form is sent."""
    silenced = AlertRule.objects.get(kind="latency")
    AlertRule.objects.filter(pk=silenced.pk).update(enabled=True)
    silenced.silence(until=now().replace(year=now().year, hour=23), actor="user:anna", reason="x")
    gone = WorkerHeartbeat.objects.create(name="w", host="h", pid=1, duties=["q"], seen_at=now().replace(hour=1))
    return {
        page("acknowledge", alert): {"note": "on it"},
        page("silence", rule): {"hours": 2, "reason": "a known outage"},
        page("end-silence", silenced): {},
        page("redeliver", sent): {},
        page("test", channel): {},
        page("replace-secret", channel): {},
        page("forget", gone): {},
    }


def state():
    return (
        list(Alert.objects.values_list("acknowledged_by", flat=True)),
        list(AlertRule.objects.order_by("pk").values_list("silenced_until", flat=True)),
        sorted(Notification.objects.values_list("state", "event")),
        list(AlertChannel.objects.values_list("rotation", flat=True)),
        WorkerHeartbeat.objects.count(),
    )


def member(group):
    user = User.objects.create_user(group, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def test_looking_at_a_page_changes_nothing(pages, admin_client):
    before = state()
    assert {admin_client.get(url).status_code for url in pages} == {200}
    assert state() == before


def test_a_post_without_the_token_changes_nothing(pages, admin_user):
    client, before = Client(enforce_csrf_checks=True), state()
    client.force_login(admin_user)
    assert {client.post(url, sent).status_code for url, sent in pages.items()} == {403}
    assert state() == before


def test_each_page_does_what_its_button_says(pages, admin_client):
    for url, sent in pages.items():
        before = state()
        assert admin_client.post(url, sent).status_code == 302, url
        assert state() != before, url


@pytest.mark.parametrize(
    ("group", "may"),
    [
        ("viewer", set()),
        ("operator", {"acknowledge", "silence", "end-silence", "redeliver", "forget"}),
        ("owner", {"acknowledge", "silence", "end-silence", "redeliver", "forget", "test", "replace-secret"}),
    ],
)
def test_operators_acknowledge_silence_and_redeliver_and_owners_change_channels(pages, group, may):
    client = member(group)
    done = {
        url.rstrip("/").rpartition("/")[2] for url, sent in pages.items() if client.post(url, sent).status_code == 302
    }
    assert done == may


@pytest.mark.parametrize("group", ["viewer", "operator"])
def test_who_may_not_change_a_channel_sees_neither_its_address_nor_its_secret(channel, group):
    AlertChannel.objects.update(url="https://hooks.example.org/services/T000/B000/SECRETabcd")
    client = member(group)
    for url in (changelist("alertchannel"), page("change", channel), page("history", channel)):
        shown = text(client.get(url))
        assert "SECRET" not in shown
        assert channel.secret not in shown
    assert "hooks.example.org/…abcd" in text(client.get(changelist("alertchannel")))


def test_who_may_change_a_channel_sees_its_secret_and_no_list_shows_an_address(channel, admin_client):
    AlertChannel.objects.update(url="https://hooks.example.org/services/T000/B000/SECRETabcd")
    assert channel.secret in text(admin_client.get(page("change", channel)))
    assert "SECRET" not in text(admin_client.get(changelist("alertchannel")))


def test_a_channel_is_made_with_a_public_address_alone(admin_client, db):
    made = {"name": "mine", "kind": "webhook", "enabled": "on", "addresses": ""}
    url = reverse("admin:monitoring_alertchannel_add")
    for address in ("http://127.0.0.1/x", "http://[::1]/", "http://localhost/", "ftp://example.org", ""):
        assert admin_client.post(url, {**made, "url": address}).status_code == 200
    assert not AlertChannel.objects.exists()
    assert admin_client.post(url, {**made, "url": "https://example.org/hook"}).status_code == 302
    kept = AlertChannel.objects.get().history.get()
    assert kept.history_user.username == "admin"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"kind": "email", "addresses": "", "url": ""}, "say to whom"),
        ({"kind": "email", "addresses": "anna", "url": ""}, "&#x27;anna&#x27; is no e-mail address"),
        (
            {"kind": "email", "addresses": "a@example.org", "url": "https://example.org"},
            "e-mail has addresses and no URL",
        ),
        ({"kind": "slack", "addresses": "", "url": ""}, "say where to send it"),
    ],
)
def test_a_channel_that_leads_nowhere_is_refused_in_words(admin_client, db, sent, said):
    answer = admin_client.post(reverse("admin:monitoring_alertchannel_add"), {"name": "x", "enabled": "on", **sent})
    assert said in text(answer)


def test_a_rule_is_changed_with_its_history_and_refused_in_words(admin_client, rule, channel):
    sent = {"name": "mine", "kind": "latency", "severity": "info", "threshold": "250", "minutes": "5", "enabled": "on"}
    url = reverse("admin:monitoring_alertrule_add")
    assert "has no threshold" in text(admin_client.post(url, {**sent, "kind": "drift", "minutes": ""}))
    assert admin_client.post(url, {**sent, "channels": [str(channel.pk)]}).status_code == 302
    made = AlertRule.objects.get(name="mine")
    assert list(made.channels.all()) == [channel]
    assert made.history.first().history_user.username == "admin"


def test_the_lists_and_pages_show_what_there_is(alert, sent, rule, channel, admin_client):
    assert "bitcoin-usd-1d, distribution" in text(admin_client.get(changelist("alert")))
    assert "the features moved" in text(admin_client.get(page("change", alert)))
    assert "opened to ops" in text(admin_client.get(page("change", alert)))
    assert admin_client.get(changelist("alert") + "?state=closed").status_code == 200
    assert "bitcoin-usd-1d, distribution" not in text(admin_client.get(changelist("alert") + "?state=closed"))
    assert "ops" in text(admin_client.get(changelist("alertrule")))
    assert str(sent.pk) in text(admin_client.get(page("change", sent)))
    assert admin_client.get(changelist("notification")).status_code == 200


def test_the_first_page_lists_open_alerts_the_gravest_first(alert, admin_client):
    AlertRule.objects.create(name="second", kind="drift", severity="critical")
    watch()
    shown = text(admin_client.get(reverse("admin:index")))
    assert shown.count("the features moved") == 2
    assert shown.index("critical, for") < shown.index("warning, for")
    Alert.objects.all().delete()
    assert "No alert is open." in text(admin_client.get(reverse("admin:index")))


def test_the_first_page_says_who_is_gone_and_who_was_seen(admin_client, db):
    assert "No worker runs, so nothing is watched." in text(admin_client.get(reverse("admin:index")))
    moment = now()
    WorkerHeartbeat.objects.create(name="worker", host="h", pid=1, duties=["data"], started_at=moment.replace(hour=1))
    WorkerHeartbeat.objects.create(name="beat", host="h", pid=2, duties=["beat"], seen_at=moment.replace(hour=9))
    shown = text(admin_client.get(reverse("admin:index")))
    assert "beat sends nothing that is due: it was last seen 1 hour ago" in shown
    assert "Seen: worker 0 seconds ago." in shown


def test_a_living_worker_is_not_forgotten(admin_client, db):
    living = WorkerHeartbeat.objects.create(name="worker", host="h", pid=1, duties=["data"])
    assert "stop it instead" in text(admin_client.post(page("forget", living), {}))
    assert WorkerHeartbeat.objects.exists()


def test_who_asks_for_a_test_is_led_to_its_notification(channel, admin_client):
    answer = admin_client.post(page("test", channel), {})
    made = Notification.objects.get()
    assert answer["Location"] == page("change", made)
    assert made.payload == payload_of_test("ops", asked_by="user:admin", at=now())
