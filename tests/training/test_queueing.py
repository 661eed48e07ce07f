"""The queue of runs: no run is lost in it, none is trained twice, and what may pass is tried again."""

from datetime import timedelta

import pytest

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from tests.factories import make_market, make_model
from training.models import Market, TrainingRun
from training.models.run import ATTEMPTS, SILENCE
from training.queueing import enqueue, enqueue_next, sweep

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    """What was sent to the workers."""
    messages = []
    monkeypatch.setattr("training.queueing.current_app.send_task", lambda name, args: messages.append((name, *args)))
    return messages


def make_run(name="bitcoin-usd-1d", **facts):
    market = Market.objects.filter(name="bitcoin-usd-1d").first() or make_market()
    recipe = {"feature_set": "classic", "estimator": "xgboost", "actor": "user:anna"}
    return TrainingRun.objects.create(model=make_model(name, default=False), market=market, **recipe, **facts)


def silence(run):
    """As if its process had been killed a while ago."""
    TrainingRun.objects.filter(pk=run.pk).update(seen_at=now() - 2 * SILENCE)


def as_stored(run):
    return TrainingRun.objects.get(pk=run.pk)


def test_a_killed_run_whose_message_comes_again_before_the_sweep_is_taken_up():
    run = make_run()
    run.claim()
    silence(run)
    again = as_stored(run)
    assert again.claim()
    assert (again.status, again.attempts) == ("running", 2)


def test_a_killed_run_is_not_given_up_when_another_of_its_model_begins():
    killed, other = make_run(), make_run()
    killed.claim()
    silence(killed)
    assert other.claim()
    assert as_stored(killed).status == "queued"


def test_a_fault_that_may_pass_is_tried_again_after_a_pause_and_at_most_so_often(set_clock):
    run = make_run()
    for minute, pause in ((0, 1), (10, 5)):
        set_clock(f"2026-11-23T10:{minute:02}:00Z")
        run.claim()
        run.fail_or_try_again("OSError: no space left on device")
        assert (run.status, run.folds_done, run.not_before - now()) == ("queued", 0, timedelta(minutes=pause))
        assert TrainingRun.objects.sweep() == []
        assert not as_stored(run).claim()
    set_clock("2026-11-23T10:20:00Z")
    assert TrainingRun.objects.sweep() == [run.pk]
    run.claim()
    run.fail_or_try_again("OSError: no space left on device")
    assert (run.status, run.attempts) == ("failed", ATTEMPTS)
    assert run.error == "OSError: no space left on device (tried 3 times)"
    assert "attempt 1 failed, the next is at 10:01:00: OSError" in run.log


def test_an_attempt_that_goes_well_leaves_nothing_of_the_fault_before():
    run = make_run()
    run.claim()
    run.fail_or_try_again("OSError: no space left on device")
    TrainingRun.objects.update(not_before=now())
    run.claim()
    assert (run.error, run.not_before) == ("", None)


def test_a_waiting_run_is_sent_again_only_when_its_message_must_be_lost(set_clock, sent):
    run = make_run()
    set_clock("2026-11-23T10:00:00Z")
    assert sweep() == 1  # it was never sent
    set_clock("2026-11-23T10:04:00Z")
    assert sweep() == 0
    set_clock("2026-11-23T10:05:00Z")
    assert sweep() == 1
    assert sent == [("training.train", run.pk)] * 2


def test_with_the_broker_away_a_run_waits_and_the_next_sweep_sends_it(
    sent, monkeypatch, django_capture_on_commit_callbacks
):
    def away(name, args):
        raise ConnectionError("the broker is away")

    run = make_run()
    with monkeypatch.context() as patch, django_capture_on_commit_callbacks(execute=True):
        patch.setattr("training.queueing.current_app.send_task", away)
        enqueue(run)
    assert sweep() == 1
    assert sent == [("training.train", run.pk)]


def test_a_run_that_waited_for_another_of_its_model_is_sent_when_that_ends(sent, django_capture_on_commit_callbacks):
    first, second, _ = make_run(), make_run(), make_run("other")
    enqueue(second)
    first.claim()
    with pytest.raises(Refused, match="being trained already"):
        as_stored(second).claim()
    first.fail("too few rows")
    with django_capture_on_commit_callbacks(execute=True):
        enqueue_next(first)
    assert sent == [("training.train", second.pk)]
    with django_capture_on_commit_callbacks(execute=True):
        enqueue_next(second)
    assert len(sent) == 2  # it waits itself


def test_a_run_whose_trainer_stops_is_left_to_another(set_clock):
    run = make_run()
    run.claim()
    run.give_back()
    assert (run.status, TrainingRun.objects.sweep()) == ("queued", [run.pk])
    assert "the trainer was stopped: queued again" in run.log


def test_each_waiting_run_has_a_place_in_the_queue():
    ended, first, second = make_run(status="failed"), make_run("one"), make_run("two")
    assert TrainingRun.objects.places() == {first.pk: 1, second.pk: 2}
    assert ended.pk not in TrainingRun.objects.places()
    first.claim()
    assert TrainingRun.objects.places() == {second.pk: 1}
