"""One look at all rules, each minute: what lasts is one alert and one notification, whatever happens between."""

from datetime import datetime, timedelta
from threading import Thread

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, Refused
from monitoring.alerts import following, watching
from monitoring.alerts.kinds import ASKS, Kind
from monitoring.alerts.watched import BY_KIND
from monitoring.alerts.watching import watch
from monitoring.models import Alert, AlertChannel, AlertRule, Notification

pytestmark = pytest.mark.django_db

START = datetime.fromisoformat("2026-11-23T10:00:00+00:00")


@pytest.fixture
def minutes(set_clock):
    """minutes(3) looks three times, a minute apart."""
    passed = [0]

    def look(count=1, *, skipped=0):
        for _ in range(count):
            passed[0] += 1 + skipped
            set_clock((START + timedelta(minutes=passed[0])).isoformat())
            looked = watch()
        return looked

    return look


def told():
    return list(Notification.objects.order_by("pk").values_list("event", flat=True))


def test_each_kind_has_a_rule_from_the_start_and_a_function(db):
    assert set(AlertRule.objects.values_list("kind", flat=True)) == set(Kind) == set(BY_KIND) == set(ASKS)
    assert not AlertRule.objects.filter(enabled=False).exists()
    for rule in AlertRule.objects.all():
        rule.clean()


def test_a_site_without_anything_has_no_alert(db):
    looked = watch()
    assert (looked.rules, looked.opened, looked.faults) == (len(Kind), 0, [])


def test_what_fires_each_minute_is_one_alert_and_one_notification(rule, incident, minutes):
    event = incident()
    minutes(5)
    alert = Alert.objects.get()
    assert (alert.subject, alert.times_seen) == ("bitcoin-usd-1d, distribution", 5)
    assert alert.last_seen_at - alert.opened_at == timedelta(minutes=4)
    assert told() == ["opened"]
    event.close(actor="user:anna", note="mended")
    minutes(5)
    assert Alert.objects.get().state == "closed"
    assert told() == ["opened", "resolved"]


def test_what_flutters_is_one_alert(rule, incident, minutes):
    for _ in range(5):
        event = incident()
        minutes()
        event.close(actor="user:anna", note="mended")
        minutes()
    assert Alert.objects.count() == 1
    assert told() == ["opened"]


def test_what_comes_back_after_it_was_over_is_another_alert(rule, incident, minutes):
    for _ in range(2):
        event = incident()
        minutes()
        event.close(actor="user:anna", note="mended")
        minutes(4)
    assert Alert.objects.count() == 2
    assert told() == ["opened", "resolved"] * 2


def test_without_a_channel_it_is_shown_and_who_is_added_later_is_told(rule, channel, incident, minutes):
    rule.channels.clear()
    incident()
    minutes(2)
    assert (Alert.objects.open().count(), told()) == (1, [])
    rule.channels.add(channel)
    minutes(2)
    assert told() == ["opened"]


def test_in_a_silence_it_is_opened_and_not_told_and_told_once_when_it_ends(rule, incident, minutes):
    rule.silence(until=now() + timedelta(minutes=10), actor="user:anna", reason="a known outage")
    incident()
    minutes(9)
    assert (Alert.objects.open().count(), told()) == (1, [])
    minutes(10)
    assert told() == ["opened"]


def test_what_ends_in_a_silence_unknown_to_anybody_is_never_told(rule, incident, minutes):
    rule.silence(until=now() + timedelta(minutes=30), actor="user:anna", reason="a known outage")
    event = incident()
    minutes(2)
    event.close(actor="user:anna", note="mended")
    minutes(60)
    assert (Alert.objects.get().state, told()) == ("closed", [])


def test_the_end_in_a_silence_of_what_was_told_before_is_told_after_it(rule, incident, minutes):
    event = incident()
    minutes()
    rule.silence(until=now() + timedelta(minutes=30), actor="user:anna", reason="a known outage")
    event.close(actor="user:anna", note="mended")
    minutes(20)
    assert (Alert.objects.get().state, told()) == ("closed", ["opened"])
    minutes(20)
    assert told() == ["opened", "resolved"]


def test_an_end_that_a_silence_kept_back_is_told_before_that_it_is_open_again(rule, incident, minutes, monkeypatch):
    put, in_turn = following.put, []

    def noted(alert, channels, event, *, at):
        in_turn.append(event)
        return put(alert, channels, event, at=at)

    monkeypatch.setattr(following, "put", noted)
    event = incident()
    minutes()
    rule.silence(until=now() + timedelta(minutes=30), actor="user:anna", reason="a known outage")
    event.close(actor="user:anna", note="mended")
    minutes(20)
    incident()
    minutes(20)
    assert in_turn == ["opened", "resolved", "opened"]


def test_a_silence_may_be_ended_and_has_bounds(rule):
    with pytest.raises(Refused):
        rule.end_silence(actor="user:anna")
    for hours in (0, -1, 24 * 31):
        with pytest.raises(Invalid) as refused:
            rule.silence(until=now() + timedelta(hours=hours), actor="user:anna", reason="x")
        assert refused.value.field == "until"
    rule.silence(until=now() + timedelta(hours=1), actor="user:anna", reason="x")
    rule.end_silence(actor="user:berta")
    assert not AlertRule.objects.get(pk=rule.pk).silenced(now())
    assert [row.silenced_by for row in rule.history.all()[:2]] == ["", "user:anna"]


@pytest.mark.parametrize(
    ("severity", "hours", "expected"), [("warning", None, 0), ("critical", None, 2), ("warning", 12, 4)]
)
def test_what_lasts_is_told_again_as_the_rule_says(rule, incident, minutes, severity, hours, expected):
    AlertRule.objects.filter(pk=rule.pk).update(severity=severity, repeat_hours=hours)
    incident()
    minutes()
    minutes(24 * 2 + 1, skipped=59)
    assert told() == ["opened", *["still"] * expected]


def test_what_is_acknowledged_is_not_told_again_and_its_end_is(rule, incident, minutes):
    AlertRule.objects.filter(pk=rule.pk).update(repeat_hours=1)
    event = incident()
    minutes()
    Alert.objects.get().acknowledge(actor="user:anna", note="on it")
    minutes(5, skipped=59)
    assert (Alert.objects.get().state, told()) == ("acknowledged", ["opened"])
    event.close(actor="user:anna", note="mended")
    minutes(4)
    assert told() == ["opened", "resolved"]


def test_what_was_acknowledged_in_a_silence_is_not_told_when_it_ends(rule, incident, minutes):
    rule.silence(until=now() + timedelta(minutes=10), actor="user:anna", reason="a known outage")
    incident()
    minutes()
    Alert.objects.get().acknowledge(actor="user:anna")
    minutes(20)
    assert told() == []


def test_what_is_over_cannot_be_acknowledged_and_who_was_first_stays(rule, incident, minutes):
    event = incident()
    minutes()
    alert = Alert.objects.get()
    alert.acknowledge(actor="user:anna")
    alert.acknowledge(actor="user:berta")
    assert alert.acknowledged_by == "user:anna"
    event.close(actor="user:anna", note="mended")
    minutes(4)
    AlertRule.objects.update(enabled=False)
    Alert.objects.update(acknowledged_at=None, acknowledged_by="")
    with pytest.raises(Refused):
        Alert.objects.get().acknowledge(actor="user:berta")


def test_a_rule_that_is_switched_off_closes_its_alerts_and_says_so(rule, incident, minutes):
    incident()
    minutes()
    AlertRule.objects.update(enabled=False)
    minutes()
    assert (Alert.objects.get().state, told()) == ("closed", ["opened", "resolved"])


def test_a_missed_hour_sends_nothing_twice(rule, incident, minutes):
    event = incident()
    minutes()
    minutes(skipped=60)
    assert told() == ["opened"]
    event.close(actor="user:anna", note="mended")
    minutes(skipped=60)
    minutes(2)
    assert told() == ["opened", "resolved"]


def test_a_clock_that_jumps_sends_nothing_twice_and_still_ends(rule, incident, set_clock):
    event = incident()
    for moment in ("10:01", "15:00", "10:02", "09:00", "10:03"):
        set_clock(f"2026-11-23T{moment}:00+00:00")
        watch()
    assert told() == ["opened"]
    event.close(actor="user:anna", note="mended")
    for moment in ("15:00", "10:03", "10:04", "10:05", "10:06"):
        set_clock(f"2026-11-23T{moment}:00+00:00")
        watch()
    assert (Alert.objects.get().state, sorted(told())) == ("closed", ["opened", "resolved"])


def test_a_rule_that_cannot_be_judged_blinds_no_other_and_keeps_its_alerts(rule, incident, minutes, monkeypatch):
    incident()
    minutes()

    def broken(rule, at):
        with connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column")

    AlertRule.objects.update(enabled=True)
    monkeypatch.setitem(BY_KIND, Kind.DRIFT, broken)
    looked = minutes(5)
    assert "no_such_column" in looked.faults[0]
    assert looked.rules == len(Kind) - 1
    assert Alert.objects.get(rule=rule).state == "open"
    assert "no_such_column" in AlertRule.objects.get(pk=rule.pk).fault
    monkeypatch.undo()


def test_a_disabled_channel_is_not_told(rule, channel, incident, minutes):
    AlertChannel.objects.update(enabled=False)
    incident()
    minutes(3)
    assert told() == []


@pytest.mark.django_db(transaction=True)
def test_two_looks_at_once_are_one(rule, incident):
    incident()
    found = []

    def other():
        try:
            found.append(watch())
        finally:
            connection.close()

    with transaction.atomic():
        assert watching.watch().opened == 1
        thread = Thread(target=other)
        thread.start()
        thread.join()
    assert found == [None]
    assert told() == ["opened"]


def test_a_look_that_dies_leaves_neither_alert_nor_notification(rule, incident, monkeypatch):
    incident()
    look = watching._look

    def dies(looked_at, *args):
        look(looked_at, *args)
        if looked_at == rule:
            raise KeyboardInterrupt

    monkeypatch.setattr(watching, "_look", dies)
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        watch()
    assert (Alert.objects.count(), Notification.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("kind", "facts", "field"),
    [
        ("latency", {"threshold": None, "minutes": 10}, "threshold"),
        ("latency", {"threshold": -1.0, "minutes": 10}, "threshold"),
        ("latency", {"threshold": float("nan"), "minutes": 10}, "threshold"),
        ("latency", {"threshold": 500.0, "minutes": None}, "minutes"),
        ("latency", {"threshold": 500.0, "minutes": 10**6}, "minutes"),
        ("errors", {"threshold": 1.5, "minutes": 10}, "threshold"),
        ("drift", {"threshold": 1.0, "minutes": None}, "threshold"),
        ("drift", {"threshold": None, "minutes": 5}, "minutes"),
        ("drift", {"repeat_hours": 0}, "repeat_hours"),
    ],
)
def test_a_rule_has_what_its_kind_asks_and_nothing_else(kind, facts, field):
    with pytest.raises(ValidationError) as refused:
        AlertRule(name="x", kind=kind, **facts).clean()
    assert list(refused.value.message_dict) == [field]
