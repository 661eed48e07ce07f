"""Training that nobody asks for: which models are due, and the one door that their runs come through."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused, Unknown
from registry.models import RegisteredModel
from tests.factories import make_market, make_version
from training.models import Candle, Market, RetrainingPolicy, TrainingRun
from training.retraining import request_retraining, retrain_due

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
START = datetime.fromisoformat("2026-11-20T09:00:00Z")  # open time of the newest candle, which closed at 10:00


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    """What was sent to the workers."""
    messages = []
    monkeypatch.setattr("training.queueing.current_app.send_task", lambda name, args: messages.append((name, *args)))
    return messages


@pytest.fixture
def learnt(set_clock):
    """A model whose newest version was learnt on all candles that there are."""
    set_clock("2026-11-20T10:00:30Z")
    make_market("bitcoin-usd-1h", newest=START, candles=3)
    return make_version(model=model_of("bitcoin-usd-1h"), data_start=START - 2 * HOUR, data_end=START).model


def model_of(market):
    return RegisteredModel.objects.of_market(market)


def market_of(model):
    return Market.objects.get(name=model.market)


def policy_of(model, **facts):
    by = facts if "every_days" in facts else {"every_candles": 3, **facts}
    return RetrainingPolicy.objects.create(model=model, **{"cool_down_hours": 0, **by})


def close_candles(model, number, set_clock, *, minutes=1):
    """Let so many candles close, and the clock stand some minutes after the last of them."""
    market = market_of(model)
    newest = market.newest()
    for step in range(1, number + 1):
        Candle.objects.create(market=market, opened_at=newest + step * HOUR, close=100.0, volume=1.0)
    set_clock((newest + (number + 1) * HOUR + timedelta(minutes=minutes)).isoformat())


def end(run, status="failed"):
    TrainingRun.objects.filter(pk=run.pk).update(status=status, finished_at=now())


def test_a_model_is_due_when_so_many_candles_closed_since_its_version_was_learnt(learnt, set_clock):
    policy_of(learnt, every_candles=3)
    close_candles(learnt, 2, set_clock)
    assert retrain_due() == []
    close_candles(learnt, 1, set_clock)
    [run] = retrain_due()
    assert run.reason == "3 candles closed since version 1 was learnt"


def test_a_model_is_due_after_so_many_days_if_a_candle_has_closed_since(learnt, set_clock):
    policy_of(learnt, every_days=2)
    set_clock("2026-11-22T10:00:31Z")
    assert retrain_due() == []  # the same candles would make the same version
    Candle.objects.create(market=market_of(learnt), opened_at=START + HOUR, close=100.0, volume=1.0)
    set_clock("2026-11-22T10:00:29Z")
    assert retrain_due() == []
    set_clock("2026-11-22T10:00:30Z")
    [run] = retrain_due()
    assert run.reason == "2 days since version 1 was learnt"


def test_a_model_without_a_version_is_due_at_once_and_then_not_before_its_time(set_clock):
    set_clock("2026-11-20T10:00:30Z")
    make_market("bitcoin-usd-1h", newest=START, candles=3)
    policy_of(model_of("bitcoin-usd-1h"))
    [run] = retrain_due()
    assert run.reason == "no version has been learnt yet"
    end(run)
    assert retrain_due() == []


def test_a_run_that_failed_is_not_asked_for_again_before_as_many_candles_closed(learnt, set_clock):
    policy_of(learnt, every_candles=3)
    close_candles(learnt, 3, set_clock)
    [failed] = retrain_due()
    end(failed)
    close_candles(learnt, 2, set_clock)
    assert retrain_due() == []
    close_candles(learnt, 1, set_clock)
    [run] = retrain_due()
    assert run.reason == "3 candles closed since it was tried last"


def test_a_due_model_is_queued_once_by_its_own_recipe_and_its_task_sent(
    learnt, set_clock, sent, django_capture_on_commit_callbacks
):
    recipe = {"estimator": "logistic", "params": {"C": 0.1}, "options": {"balance": True}, "folds": 5, "seed": 3}
    limits = {"time_limit_minutes": 20, "memory_limit_mb": 900}
    policy = policy_of(learnt, feature_set="technical", **recipe, **limits)
    close_candles(learnt, 3, set_clock)
    with django_capture_on_commit_callbacks(execute=True):
        [run] = retrain_due()
        assert retrain_due() == []
    held = TrainingRun.objects.values(*recipe, *limits, "feature_set", "actor", "status", "policy").get()
    told = {"feature_set": "technical", "actor": "schedule:retrain", "status": "queued", "policy": policy.pk}
    assert held == {**recipe, **limits, **told}
    assert sent == [("training.train", run.pk)]


@pytest.mark.parametrize("status", ["queued", "running"])
def test_a_run_that_somebody_asked_for_stands_for_the_schedules(learnt, set_clock, status):
    policy_of(learnt)
    close_candles(learnt, 3, set_clock)
    facts = {"feature_set": "classic", "estimator": "xgboost", "actor": "user:anna", "status": status}
    asked = TrainingRun.objects.create(model=learnt, market=market_of(learnt), seen_at=now(), **facts)
    assert retrain_due() == []
    with pytest.raises(Refused, match=f"run {asked.pk} of bitcoin-usd-1h has not ended yet"):
        request_retraining(learnt, reason="drift")


def test_a_policy_that_is_switched_off_asks_for_nothing(learnt, set_clock):
    policy_of(learnt, enabled=False)
    close_candles(learnt, 9, set_clock)
    assert retrain_due() == []
    with pytest.raises(Refused, match="switched off"):
        request_retraining(learnt, reason="drift")


def test_a_model_without_a_policy_is_not_retrained(learnt):
    with pytest.raises(Unknown, match="bitcoin-usd-1h has no retraining policy"):
        request_retraining(learnt, reason="drift")


def test_the_cool_down_holds_back_schedule_and_trigger_alike_and_the_policy_says_so(learnt, set_clock):
    policy = policy_of(learnt, every_candles=1, cool_down_hours=3)
    close_candles(learnt, 1, set_clock)  # 11:01
    end(retrain_due()[0])
    close_candles(learnt, 2, set_clock)  # 13:01
    assert retrain_due() == []
    policy.refresh_from_db()
    held = "retraining of bitcoin-usd-1h cools down until 2026-11-20 14:01 UTC"
    assert policy.last_answer == f"2 candles closed since it was tried last, but {held}"
    with pytest.raises(Refused, match="cools down until 2026-11-20 14:01 UTC"):
        request_retraining(learnt, reason="the volatility has doubled", actor="schedule:drift")
    policy.refresh_from_db()
    assert policy.last_answer == f"the volatility has doubled, but {held}"
    set_clock("2026-11-20T14:01:00Z")
    run = request_retraining(learnt, reason="the volatility has doubled", actor="schedule:drift")
    assert (run.actor, run.reason) == ("schedule:drift", "the volatility has doubled")


def test_the_daily_limit_counts_the_runs_of_the_last_24_hours(learnt, set_clock):
    policy_of(learnt, daily_limit=2)
    set_clock("2026-11-20T12:00:00Z")
    end(request_retraining(learnt, reason="one"))
    set_clock("2026-11-20T18:00:00Z")
    end(request_retraining(learnt, reason="two"))
    set_clock("2026-11-21T11:59:00Z")
    with pytest.raises(Refused, match="its limit of 2 a day until 2026-11-21 12:00 UTC"):
        request_retraining(learnt, reason="three")
    set_clock("2026-11-21T12:00:00Z")
    assert request_retraining(learnt, reason="three").reason == "three"


def test_runs_that_people_ask_for_use_up_neither_cool_down_nor_limit(learnt, set_clock):
    policy_of(learnt, cool_down_hours=5, daily_limit=1)
    facts = {"feature_set": "classic", "estimator": "xgboost", "actor": "user:anna", "status": "failed"}
    TrainingRun.objects.create(model=learnt, market=market_of(learnt), **facts)
    assert request_retraining(learnt, reason="drift")


def test_a_model_that_cannot_be_trained_keeps_why_and_stops_no_other(learnt, set_clock):
    other = make_version(model=model_of("gone-usd-1h"), data_start=START - HOUR, data_end=START).model
    lost = policy_of(other)
    make_market("gone-usd-1h", newest=START + 9 * HOUR, candles=1)
    policy_of(learnt)
    close_candles(learnt, 9, set_clock)
    Market.objects.filter(name="gone-usd-1h").update(name="renamed-usd-1h")
    assert [run.model for run in retrain_due()] == [learnt]
    with pytest.raises(Unknown, match="no market is called 'gone-usd-1h'"):
        request_retraining(other, reason="drift")
    lost.refresh_from_db()
    assert "no market is called" in lost.last_answer


@pytest.mark.django_db(transaction=True)
def test_of_two_who_ask_at_once_one_gets_a_run(learnt):
    policy_of(learnt)

    def ask(_):
        try:
            return request_retraining(learnt, reason="drift").status
        except Refused as refused:
            return refused.code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(ask, range(4))) == ["queued", "run_waits", "run_waits", "run_waits"]


def test_to_ask_a_hundred_policies_costs_one_query(learnt, set_clock, django_assert_num_queries):
    for number in range(100):
        policy_of(model_of(f"coin{number}-usd-1h"))
    with django_assert_num_queries(1):
        assert retrain_due() == []


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"every_candles": None, "on_drift": False}, "retraining_is_by_candles_by_days_or_on_drift"),
        ({"every_candles": 3, "every_days": 1}, "retraining_is_by_candles_by_days_or_on_drift"),
        ({"every_candles": 0}, "retraining_is_by_candles_by_days_or_on_drift"),
        ({"auto_stage": False, "auto_promote": True}, "what_is_promoted_is_staged_before"),
        ({"daily_limit": 0}, "a_daily_limit_admits_a_run"),
        ({"params": [1]}, "params_of_a_policy_are_given_by_name"),
        ({"options": "none"}, "options_of_a_policy_are_given_by_name"),
    ],
)
def test_postgres_refuses_a_policy_that_makes_no_sense(learnt, facts, rule):
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        policy_of(learnt, **{"every_candles": 3, **facts})


@pytest.mark.parametrize(
    ("facts", "field", "said"),
    [
        ({"estimator": "oracle"}, "estimator", "random_forest, xgboost"),
        ({"feature_set": "magic"}, "feature_set", "magic"),
        ({"options": {"windw": 5}}, "options", "did you mean 'window'"),
        ({"options": [1]}, "options", "by name"),
        ({"params": "n_estimators"}, "params", "by name"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused_when_the_policy_is_saved(learnt, facts, field, said):
    with pytest.raises(ValidationError) as refused:
        RetrainingPolicy(model=learnt, every_days=1, **facts).full_clean()
    assert said in refused.value.message_dict[field][0]


def test_every_change_of_a_policy_is_kept_and_its_answers_are_none(learnt):
    policy = policy_of(learnt, daily_limit=1)
    policy.daily_limit = 2
    policy.save()
    request_retraining(learnt, reason="drift")
    assert list(policy.history.values_list("daily_limit", flat=True)) == [2, 1]
