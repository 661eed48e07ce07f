"""A check of a model that was really trained: it is calm while its market is, and says what is wrong when it is not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import F

from monitoring.drift.checking import run_check
from monitoring.drift.findings import Channel, Status
from monitoring.drift.policy import CLEAN
from monitoring.models import DriftCheck, DriftEvent
from monitoring.tasks import check_all_drift, check_drift
from registry.models import ModelVersion, RegisteredModel
from tests.factories import make_model, make_version
from training.features.feature_set import FEATURE_SETS
from training.learning import learn, queue_run
from training.market_data.simulate import simulate_candles
from training.models import Candle, Market

pytestmark = pytest.mark.django_db
NAME = "demo-usd-1d"


def trained(feature_set="technical", *, candles=1_900):
    """In production, on its market of days up to now."""
    simulate_candles(NAME, candles=candles, seed=7, signal=0.3)
    model = RegisteredModel.objects.of_market(NAME)
    run = queue_run(
        market=Market.objects.named(NAME),
        model=model,
        feature_set=feature_set,
        estimator="logistic",
        actor="user:anna",
        folds=2,
    )
    version = learn(run, progress=lambda *_: None)
    version.promote(actor="user:anna", reason="first", override=True)
    return version


def check(version, *, days_since=1):
    """days_since: the one before, whose newest row is so much older."""
    DriftCheck.objects.update(last_at=F("last_at") - timedelta(days=days_since))
    asked = DriftCheck.objects.ask(version.model, actor="user:anna")
    events = run_check(asked)
    asked.refresh_from_db()
    return asked, events


def disturb(*, days, **figures):
    """Multiply figures of the newest candles."""
    newest = Candle.objects.filter(market__name=NAME).order_by("-opened_at")[:days]
    for candle in newest:
        for name, factor in figures.items():
            setattr(candle, name, getattr(candle, name) * factor)
        candle.save(update_fields=list(figures))


def test_in_a_calm_market_each_channel_is_ok_or_says_why_it_cannot_tell():
    found, events = check(trained())
    assert (found.state, found.status, found.source, found.rows) == ("done", "ok", "candles", 30)
    assert found.status_of(Channel.INTEGRITY) == found.status_of(Channel.DISTRIBUTION) == Status.OK
    assert found.status_of(Channel.OUTCOME) == Status.NOT_CALIBRATED
    assert "0 outcomes" in found.channels["outcome"]["says"]
    assert len(found.features) == len(found.version.signature)
    assert set(found.features[0]) == {"name", "ks", "z", "psi", "wasserstein", "effective_n", "p", "contribution"}
    assert events == []


def test_two_checks_that_are_over_open_one_incident_and_calm_ones_close_it():
    version = trained()
    disturb(days=25, volume=50.0)
    disturb(days=12, volume=50.0)
    first, none = check(version)
    assert (first.status_of(Channel.DISTRIBUTION), none) == (Status.WARNING, [])
    second, [opened] = check(version)
    assert (second.status_of(Channel.DISTRIBUTION), opened.channel) == (Status.ALERT, Channel.DISTRIBUTION)
    assert "log_volume_ratio" in opened.sentence
    check(version)
    assert DriftEvent.objects.get().alarms == 2
    disturb(days=25, volume=1 / 50)
    disturb(days=12, volume=1 / 50)
    for _ in range(CLEAN):
        check(version)
    event = DriftEvent.objects.get()
    assert (event.state, event.closed_by) == ("closed", "schedule:drift")


def test_to_ask_again_of_the_same_rows_confirms_nothing_and_calms_nobody():
    version = trained()
    disturb(days=25, volume=2_500.0)
    for _ in range(3):
        found, _ = check(version, days_since=0)
        assert found.status_of(Channel.DISTRIBUTION) == Status.WARNING
    _, [opened] = check(version)
    assert opened.channel == Channel.DISTRIBUTION
    disturb(days=25, volume=1 / 2_500)
    for _ in range(CLEAN + 1):
        check(version, days_since=0)
    assert DriftEvent.objects.get().state == "open"


def test_a_market_that_stands_still_and_candles_that_do_not_come_are_faults():
    version = trained()
    newest = Candle.objects.filter(market__name=NAME).order_by("-opened_at")[:40]
    still = dict.fromkeys(("open", "high", "low", "close"), 45_000.0)
    Candle.objects.filter(pk__in=[candle.pk for candle in newest]).update(**still)
    found, [event] = check(version)
    assert (event.channel, found.status_of(Channel.INTEGRITY)) == (Channel.INTEGRITY, Status.ALERT)
    assert "stood still" in event.sentence


def test_other_arithmetic_under_the_same_name_is_a_fault():
    version = trained()
    ModelVersion.objects.filter(pk=version.pk).update(feature_set_sha256="0" * 64)
    found, _ = check(version)
    assert "means something else" in found.channels["integrity"]["says"]


def test_a_feature_set_of_another_width_under_the_same_name_is_a_fault_and_no_crash(monkeypatch):
    version = trained()
    known = FEATURE_SETS["technical"]
    monkeypatch.setitem(FEATURE_SETS, "technical", replace(known, features=known.features[:5], revision=99))
    found, [event] = check(version)
    assert (found.state, event.channel) == ("done", Channel.INTEGRITY)
    assert found.status_of(Channel.DISTRIBUTION) == Status.NOT_CALIBRATED


def test_the_daily_task_asks_for_every_model_in_production(monkeypatch):
    told = []
    monkeypatch.setattr("monitoring.drift.queueing.current_app.send_task", lambda task, args: told.append(args[0]))
    version = make_version()
    version.promote(actor="user:anna", reason="first", override=True)
    make_version(model=make_model("another", default=False))
    check_all_drift()
    [waiting] = DriftCheck.objects.all()
    assert (waiting.model, told) == (version.model, [str(waiting.pk)])
    for _ in range(2):  # delivered twice
        check_drift(told[0])
    waiting.refresh_from_db()
    assert waiting.state == "done"


def test_levels_of_the_price_say_that_the_price_moved_and_alarm_nobody():
    version = trained("classic")
    prices = {name: F(name) * 20 for name in ("open", "high", "low", "close")}
    Candle.objects.filter(market__name=NAME).update(**prices)
    found = [check(version) for _ in range(3)][-1][0]
    assert found.status_of(Channel.DISTRIBUTION) == Status.WARNING
    assert "absolute levels" in found.channels["distribution"]["says"]
    assert not DriftEvent.objects.filter(channel=Channel.DISTRIBUTION).exists()


def test_a_version_without_a_calibration_is_not_calibrated():
    version = make_version()
    version.promote(actor="user:anna", reason="first", override=True)
    found, _ = check(version)
    assert found.status_of(Channel.DISTRIBUTION) == Status.NOT_CALIBRATED
    assert "train it anew" in found.channels["distribution"]["says"]


def test_a_short_history_is_not_calibrated_and_shows_distances():
    found, _ = check(trained(candles=1_000))
    assert found.status_of(Channel.DISTRIBUTION) == Status.NOT_CALIBRATED
    assert all(0 <= feature["ks"] <= 1 for feature in found.features)


def test_a_model_that_nothing_answers_for_fails_with_its_reason():
    asked = DriftCheck.objects.ask(make_version().model, actor="user:anna")
    run_check(asked)
    asked.refresh_from_db()
    assert (asked.state, asked.status) == ("failed", "")
    assert "promote one" in asked.error


@pytest.mark.parametrize("place", ["examined", "react"])
def test_what_nobody_foresaw_is_recorded_and_stands_in_nobodys_way(monkeypatch, place):
    version = make_version()
    version.promote(actor="user:anna", reason="first", override=True)
    asked = DriftCheck.objects.ask(version.model, actor="user:anna")
    monkeypatch.setattr(f"monitoring.drift.checking.{place}", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_check(asked)
    asked.refresh_from_db()
    assert (asked.state, asked.error, asked.channels) == ("failed", "ZeroDivisionError: division by zero", {})
    assert DriftCheck.objects.ask(version.model, actor="user:anna") != asked


def test_who_asks_while_one_waits_gets_that_one():
    model = make_version().model
    first = DriftCheck.objects.ask(model, actor="user:anna")
    assert DriftCheck.objects.ask(model, actor="user:berta") == first


def test_a_check_takes_no_part_in_another_versions_streak():
    version = trained()
    disturb(days=25, volume=2_500.0)
    check(version)
    again = learn(
        queue_run(
            market=Market.objects.named(NAME),
            model=version.model,
            feature_set="technical",
            estimator="logistic",
            actor="user:anna",
            folds=2,
            seed=8,
        ),
        progress=lambda *_: None,
    )
    again.promote(actor="user:anna", reason="newer", override=True)
    found, _ = check(again)
    assert found.status_of(Channel.DISTRIBUTION) != Status.ALERT
