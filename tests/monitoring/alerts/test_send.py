"""The outbox is emptied: at least once whatever crashes, in order, and no slow receiver holds back another."""

import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core import mail
from django.db import connection

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from monitoring.alerts.messages import payload_of_test
from monitoring.alerts.outcome import Outcome
from monitoring.alerts.posting import TOTAL_SECONDS
from monitoring.alerts.queueing import send_to_each
from monitoring.alerts.retention import forget_alerts
from monitoring.alerts.sending import channels_with_work, send_to
from monitoring.alerts.watching import watch
from monitoring.models import Alert, AlertChannel, DeliveryAttempt, Notification
from monitoring.models.alert_channels import LEASE
from tests.e2e.conftest import database_url, wait_for
from tests.monitoring.alerts.receivers import hang, receiving, talking

pytestmark = pytest.mark.django_db
DOCS = Path(__file__).parents[3] / "docs" / "alerts.md"


def notify(channel, **facts):
    told = payload_of_test(channel.name, asked_by="user:anna", at=now())
    return Notification.objects.create(channel=channel, event="test", payload=told, **facts)


def test_a_webhook_gets_what_was_found_with_its_id_and_a_signature(rule, channel, receiver, incident):
    incident()
    watch()
    assert send_to(channel.pk) == 1
    headers, body = receiver.got[0]
    notification = Notification.objects.get()
    told = json.loads(body)
    assert told["id"] == headers["X-CryptoML-Id"] == str(notification.pk)
    assert (told["event"], told["alert"]["subject"]) == ("opened", "bitcoin-usd-1d, distribution")
    assert told["alert"]["figures"]["incident"]
    assert headers["Content-Type"] == "application/json"
    stamped = f"{headers['X-CryptoML-Timestamp']}.".encode() + body
    expected = hmac.new(channel.secret.encode(), stamped, hashlib.sha256).hexdigest()
    assert headers["X-CryptoML-Signature"] == f"v1={expected}"
    assert (notification.state, notification.attempts) == ("sent", 1)
    attempt = DeliveryAttempt.objects.get()
    assert (attempt.status, attempt.error, attempt.answer) == (200, "", "thanks")


def test_the_docs_receiver_takes_ours_and_refuses_what_was_altered_or_is_old(channel, receiver):
    code = DOCS.read_text().split("```python\n", 1)[1].split("```", 1)[0]
    told = {}
    exec(code, told)  # noqa: S102
    notify(channel)
    send_to(channel.pk)
    headers, body = receiver.got[0]
    verify, stamp = told["verify"], int(headers["X-CryptoML-Timestamp"])
    given = (headers["X-CryptoML-Timestamp"], headers["X-CryptoML-Signature"])
    assert verify(channel.secret, *given, body, now=stamp + 10)
    assert not verify(channel.secret, *given, body + b" ", now=stamp)
    assert not verify("another", *given, body, now=stamp)
    assert not verify(channel.secret, str(stamp + 1), given[1], body, now=stamp)
    assert not verify(channel.secret, *given, body, now=stamp + 3_600)


def test_a_replaced_secret_signs_otherwise_and_nothing_secret_is_stored(channel):
    before = channel.secret
    channel.replace_secret()
    assert channel.secret != before
    assert len(before) == 64
    with connection.cursor() as cursor:
        for table in ("monitoring_alertchannel", "monitoring_historicalalertchannel"):
            cursor.execute(f"SELECT {table}::text FROM {table}")  # noqa: S608
            rows = " ".join(row for (row,) in cursor.fetchall())
            assert before not in rows
            assert channel.secret not in rows
    with connection.cursor() as cursor:
        cursor.execute("SELECT monitoring_historicalalertchannel::text FROM monitoring_historicalalertchannel")
        assert "/hook" not in str(cursor.fetchall())


def test_a_receiver_that_fails_for_an_hour_gets_it_in_the_end(channel, receiver, set_clock):
    receiver.always = 500
    notification = notify(channel)
    start, minute = now(), 0
    while Notification.objects.get().state == "waiting":
        if minute == 60:
            receiver.always = 200
        set_clock((start + timedelta(minutes=minute)).isoformat())
        send_to(channel.pk)
        minute += 1
        assert minute < 200
    assert Notification.objects.get().state == "sent"
    assert 60 <= minute <= 130
    assert 6 <= len(receiver.got) <= 12  # by backoff, not each minute
    assert set(receiver.ids()) == {str(notification.pk)}
    failed = DeliveryAttempt.objects.exclude(error="")
    assert failed.count() == len(receiver.got) - 1
    assert failed.first().error == "the receiver answered 500"


def test_a_day_in_vain_is_given_up_and_is_there_to_be_redelivered(channel, receiver, set_clock):
    receiver.always = 500
    notification, start = notify(channel), now()
    for hour in range(60):
        set_clock((start + timedelta(minutes=30 * hour)).isoformat())
        send_to(channel.pk)
    notification.refresh_from_db()
    assert (notification.state, notification.last_error) == ("given_up", "the receiver answered 500")
    assert notification.attempts < 40
    receiver.always = 200
    send_to(channel.pk)
    assert Notification.objects.get().state == "given_up"
    notification.redeliver()
    send_to(channel.pk)
    assert Notification.objects.get().state == "sent"
    assert set(receiver.ids()) == {str(notification.pk)}


def test_what_was_sent_may_be_redelivered_and_what_waits_need_not(channel, receiver):
    notification = notify(channel)
    with pytest.raises(Refused):
        notification.redeliver()
    send_to(channel.pk)
    notification.redeliver()
    send_to(channel.pk)
    assert receiver.ids() == [str(notification.pk)] * 2


def test_of_one_alert_nothing_overtakes_and_of_two_a_failing_one_waits_alone(
    rule, channel, receiver, incident, set_clock
):
    event = incident()
    watch()
    receiver.answers = [(500, {})]
    send_to(channel.pk)
    event.close(actor="user:anna", note="mended")
    for minute in range(1, 5):
        set_clock(f"2026-11-23T10:0{minute}:00+00:00")
        watch()
    Notification.objects.filter(event="opened").update(next_attempt_at=now() + timedelta(minutes=10))
    other = notify(channel)
    send_to(channel.pk)
    assert [json.loads(body)["event"] for _, body in receiver.got] == ["opened", "test"]
    assert json.loads(receiver.got[1][1])["id"] == str(other.pk)
    set_clock("2026-11-23T10:30:00+00:00")
    send_to(channel.pk)
    assert [json.loads(body)["event"] for _, body in receiver.got][2:] == ["opened", "resolved"]


def test_a_clock_that_was_wrong_keeps_nothing_for_a_day(channel, receiver, set_clock):
    receiver.answers = [(500, {})]
    set_clock("2026-11-25T10:00:00+00:00")
    notify(channel)
    send_to(channel.pk)
    AlertChannel.objects.update(sending_until=now() + LEASE, sending_by="00000000-0000-0000-0000-000000000001")
    set_clock("2026-11-23T10:00:00+00:00")
    send_to(channel.pk)
    assert Notification.objects.get().state == "sent"


def test_two_senders_at_once_send_it_once(channel, receiver):
    notify(channel)
    AlertChannel.objects.update(sending_until=now() + LEASE, sending_by="00000000-0000-0000-0000-000000000001")
    assert channels_with_work() == []
    assert send_to(channel.pk) == 0
    AlertChannel.objects.update(sending_until=now() - timedelta(seconds=1))
    assert send_to(channel.pk) == 1
    assert AlertChannel.objects.get().sending_by is None


def test_a_slow_channel_has_a_task_of_its_own(channel, receiver, monkeypatch, settings):
    other = AlertChannel.objects.create(name="slow", kind="webhook", url=receiver.url)
    notify(channel), notify(other)
    sent = []
    monkeypatch.setattr(
        "monitoring.alerts.queueing.current_app.send_task", lambda name, args, expires: sent.append((name, args[0]))
    )
    assert send_to_each() == 2
    assert {pk for _, pk in sent} == {str(channel.pk), str(other.pk)}
    assert settings.CELERY_TASK_ROUTES[sent[0][0]] == {"queue": "fetching"}  # whose threads may wait


def test_a_receiver_that_hangs_is_left_within_the_time(channel, settings):
    with talking(hang) as url:
        AlertChannel.objects.update(url=url)
        notify(channel)
        began = time.monotonic()
        send_to(channel.pk)
        assert time.monotonic() - began < TOTAL_SECONDS + 2
    assert Notification.objects.get().last_error == f"no answer within {TOTAL_SECONDS:g} s"


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_a_receiver_is_waited_for(channel, monkeypatch):
    in_one = []

    def posted(*args):
        in_one.append(connection.in_atomic_block)
        return Outcome(1)

    monkeypatch.setattr("monitoring.alerts.sending.post", posted)
    notify(channel)
    send_to(channel.pk)
    assert in_one == [False]


def test_slack_gets_text_and_blocks_and_mentions_nobody(receiver, rule, incident):
    AlertChannel.objects.update(kind="slack")
    incident()
    watch()
    alert = Alert.objects.get()
    Notification.objects.update(payload={**Notification.objects.get().payload, "text": "<!channel> & all"})
    send_to(AlertChannel.objects.get().pk)
    headers, body = receiver.got[0]
    told = json.loads(body)
    assert told["text"] == "&lt;!channel&gt; &amp; all"
    assert told["blocks"][0]["text"]["type"] == "plain_text"
    assert f"alert {alert.pk}" in told["blocks"][1]["elements"][0]["text"]
    assert "X-CryptoML-Signature" not in headers


def test_mail_goes_to_each_address(db, settings):
    settings.EMAIL_URL = "smtp://mail.example:25"
    channel = AlertChannel.objects.create(name="people", kind="email", addresses="anna@example.org,\nberta@example.org")
    notification = notify(channel)
    send_to(channel.pk)
    [letter] = mail.outbox
    assert letter.to == ["anna@example.org", "berta@example.org"]
    assert letter.extra_headers["X-CryptoML-Id"] == str(notification.pk)
    assert "asked for this test" in letter.subject
    assert str(notification.pk) in letter.body
    assert Notification.objects.get().state == "sent"


def test_without_a_mail_server_the_attempt_says_which_setting_is_missing(db, settings):
    settings.EMAIL_URL = ""
    channel = AlertChannel.objects.create(name="people", kind="email", addresses="anna@example.org")
    notify(channel)
    send_to(channel.pk)
    assert "EMAIL_URL is not set" in Notification.objects.get().last_error


def test_a_mail_server_that_is_away_is_an_attempt_in_vain(db, settings):
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 9, 2
    channel = AlertChannel.objects.create(name="people", kind="email", addresses="anna@example.org")
    notify(channel)
    send_to(channel.pk)
    notification = Notification.objects.get()
    assert (notification.state, "refused" in notification.last_error) == ("waiting", True)


KILLED_AFTER_SENDING = """
import os, signal, django
django.setup()
from django.conf import settings
settings.ALERT_PRIVATE_HOSTS = frozenset({"127.0.0.1"})
from monitoring.models import Notification
from monitoring.alerts.sending import send_to
from uuid import UUID
Notification.record = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
send_to(UUID(os.environ["CHANNEL"]))
"""


@pytest.mark.django_db(transaction=True)
def test_a_sender_that_is_killed_between_sending_and_noting_sends_it_again_under_the_same_id(settings, set_clock):
    settings.ALERT_PRIVATE_HOSTS = frozenset({"127.0.0.1"})
    with receiving() as receiver:
        channel = AlertChannel.objects.create(name="ops", kind="webhook", url=receiver.url)
        notification = notify(channel)
        env = {
            **os.environ,
            "DATABASE_URL": database_url(),
            "CRYPTOML_CLOCK_FILE": settings.CLOCK_FILE,
            "CRYPTOML_HOME": str(settings.CRYPTOML_HOME),
            "CHANNEL": str(channel.pk),
        }
        done = subprocess.run([sys.executable, "-c", KILLED_AFTER_SENDING], env=env, check=False)
        assert done.returncode == -signal.SIGKILL
        wait_for(lambda: receiver.got, seconds=5)
        assert (Notification.objects.get().state, send_to(channel.pk)) == ("waiting", 0)  # its lease lasts
        set_clock((datetime.fromisoformat("2026-11-23T10:00:00+00:00") + LEASE).isoformat())
        assert send_to(channel.pk) == 1
        assert receiver.ids() == [str(notification.pk)] * 2
        assert Notification.objects.get().state == "sent"


def test_what_is_sent_late_says_what_was_so_then(rule, channel, receiver, incident):
    event = incident()
    watch()
    type(event).objects.update(sentence="it is worse by now")
    watch()
    assert "worse" in Alert.objects.get().sentence
    send_to(channel.pk)
    assert json.loads(receiver.got[0][1])["alert"]["sentence"].endswith("the features moved")


def test_what_is_long_over_is_forgotten_and_what_waits_is_kept(channel, rule, incident, set_clock):
    event = incident()
    watch()
    event.close(actor="user:anna", note="mended")
    for minute in (1, 4):
        set_clock(f"2026-11-23T10:0{minute}:00+00:00")
        watch()
    Notification.objects.filter(event="opened").update(state="sent", sent_at=now())
    later = now() + timedelta(days=100)
    forget_alerts(later)
    assert list(Notification.objects.values_list("event", flat=True)) == ["resolved"]
    assert Alert.objects.exists()
    forget_alerts(later + timedelta(days=300))
    assert not Alert.objects.exists()


def test_what_waits_for_a_channel_that_is_switched_off_is_given_up_after_a_day(channel, receiver, set_clock):
    notify(channel)
    AlertChannel.objects.update(enabled=False)
    set_clock("2026-11-24T09:59:00+00:00")
    send_to_each()
    assert (send_to(channel.pk), Notification.objects.get().state) == (0, "waiting")
    set_clock("2026-11-24T10:01:00+00:00")
    send_to_each()
    assert Notification.objects.get().state == "given_up"
    AlertChannel.objects.update(enabled=True)
    assert (send_to(channel.pk), receiver.got) == (0, [])


def test_what_nobody_foresaw_is_an_attempt_in_vain_and_holds_back_nothing(db, settings, monkeypatch):
    """A password that is not ASCII, say: smtplib raises UnicodeEncodeError at the login."""
    settings.EMAIL_URL = "smtp://mail.example:25"
    channel = AlertChannel.objects.create(name="people", kind="email", addresses="anna@example.org")
    first, second = notify(channel), notify(channel)
    unlucky = {str(first.pk)}

    def send(self, *args):
        if self.extra_headers["X-CryptoML-Id"] in unlucky:
            "\0anna\0pä55".encode("ascii")

    monkeypatch.setattr(mail.EmailMessage, "send", send)
    with pytest.raises(UnicodeEncodeError):
        send_to(channel.pk)
    send_to(channel.pk)
    for notification in (first, second):
        notification.refresh_from_db()
    assert (first.state, first.attempts, first.last_error) == (
        "waiting",
        1,
        "it could not be sent: UnicodeEncodeError",
    )
    assert second.state == "sent"
