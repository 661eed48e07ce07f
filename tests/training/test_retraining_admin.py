"""Retraining in the admin: a policy per model, its state in a sentence, and its runs in the queue."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from cryptoml_site.clock import now
from registry.concerns import concerns
from tests.factories import make_market, make_model, make_version
from training.models import Candle, RetrainingPolicy, TrainingRun

pytestmark = pytest.mark.django_db
LIST = reverse("admin:training_retrainingpolicy_changelist")
ADD = reverse("admin:training_retrainingpolicy_add")
RUNS = reverse("admin:training_trainingrun_changelist")
RECIPE = {"feature_set": "classic", "estimator": "xgboost", "actor": "user:tester"}


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    """What was sent to the workers."""
    messages = []
    monkeypatch.setattr("training.queueing.current_app.send_task", lambda name, args: messages.append((name, *args)))
    return messages


@pytest.fixture
def model(set_clock):
    set_clock("2026-11-20T10:00:30Z")
    newest = now().replace(hour=0, minute=0, second=0) - timedelta(days=1)
    make_market(newest=newest, candles=3)
    return make_version(model=make_model(), data_start=newest - timedelta(days=2), data_end=newest).model


def text(answer):
    return " ".join(answer.content.decode().split())


def page(policy, name="change"):
    return reverse(f"admin:training_retrainingpolicy_{name}", args=[policy.pk])


def asked(client, url, **changes):
    """What the form at that page sends when somebody has changed these fields."""
    form = client.get(url).context["adminform"].form
    held = {name: form.initial.get(name, field.initial) for name, field in form.fields.items()}
    given = {**held, **changes}
    return {name: value for name, value in given.items() if value is not None and value is not False}


def test_a_policy_is_made_by_a_form_with_a_field_for_each_option(admin_client, model):
    answers = {"model": model.pk, "every_candles": 24, "calibration": "sigmoid", "half_life": 90, "balance": "on"}
    assert admin_client.post(ADD, asked(admin_client, ADD, **answers, params="{}")).status_code == 302
    policy = RetrainingPolicy.objects.get()
    assert policy.options == {"calibration": "sigmoid", "half_life": 90.0, "balance": True}
    assert (policy.every_candles, policy.every_days, policy.params) == (24, None, {})
    assert (policy.auto_stage, policy.auto_promote, policy.cool_down_hours, policy.daily_limit) == (True, False, 1, 4)


def test_a_policys_page_shows_its_options_and_keeps_them(admin_client, model):
    policy = RetrainingPolicy.objects.create(model=model, every_days=7, options={"window": 5_000})
    sent = asked(admin_client, page(policy), every_days=3, params="{}")
    assert sent["window"] == 5_000
    assert admin_client.post(page(policy), sent).status_code == 302
    policy.refresh_from_db()
    assert (policy.every_days, policy.options) == (3, {"window": 5_000})


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"every_candles": 24, "every_days": 1}, "__all__", "one of the two"),
        ({"on_drift": None}, "__all__", "one of the two"),
        ({"every_candles": 0}, "every_candles", "greater than or equal to 1"),
        ({"every_days": 1, "auto_promote": "on", "auto_stage": None}, "__all__", "tick both, or neither"),
        ({"every_days": 1, "estimator": "oracle"}, "estimator", "random_forest, xgboost"),
        ({"every_days": 1, "feature_set": "magic"}, "feature_set", "magic"),
        ({"every_days": 1, "window": 7}, "window", "window is 7"),
        ({"every_days": 1, "params": "[1]"}, "params", "by name"),
        ({"every_days": 1, "params": '{"n_estimators": NaN}'}, "params", "nan is no number of JSON"),
        ({"every_days": 1, "params": '{"n_estimators": 1e999}'}, "params", "inf is no number of JSON"),
        ({"every_days": 1, "params": '{"zzz\\u0000": 1}'}, "params", "holds a NUL character"),
        ({"every_days": 1, "params": '{"a": ["\\ud800"]}'}, "params", "holds half a character"),
        ({"every_days": 1, "params": f'{{"a": {"9" * 5_000}}}'}, "params", "no JSON that can be kept"),
        ({"every_days": 1, "params": "[" * 100_000}, "params", "no JSON that can be kept"),
        ({"every_days": 1, "params": f'{{"a": {"[" * 99 + "]" * 99}}}'}, "params", "more than 50 deep"),
        ({"every_days": 1, "folds": 1}, "folds", "greater than or equal to 2"),
        ({"every_days": 1, "memory_limit_mb": 100}, "memory_limit_mb", "greater than or equal to 500"),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field(admin_client, model, changes, field, said):
    answer = admin_client.post(ADD, asked(admin_client, ADD, **{"model": model.pk, "params": "{}", **changes}))
    assert said in " ".join(answer.context["adminform"].form.errors[field])
    assert not RetrainingPolicy.objects.exists()


def close_candle(model, days=1):
    newest = Candle.objects.order_by("-opened_at").first()
    Candle.objects.create(market=newest.market, opened_at=newest.opened_at + timedelta(days=days), close=1.0)


@pytest.mark.parametrize(
    ("facts", "closed", "said"),
    [
        ({"every_candles": 3}, 1, "next when 2 more candles have closed"),
        ({"every_candles": 2}, 2, "due: 2 candles closed since version 1 was learnt"),
        ({"every_days": 7}, 0, "next on 2026-11-27 10:00 UTC"),
        ({"every_days": 7, "enabled": False}, 0, "retraining of bitcoin-usd-1d is switched off"),
    ],
)
def test_a_policy_says_when_its_model_is_trained_next(admin_client, model, facts, closed, said):
    RetrainingPolicy.objects.create(model=model, **facts)
    for _ in range(closed):
        close_candle(model)
    assert said in text(admin_client.get(LIST))


def test_a_policy_whose_market_is_gone_says_so(admin_client):
    RetrainingPolicy.objects.create(model=make_model(), every_candles=3)
    assert "market bitcoin-usd-1d is gone" in text(admin_client.get(LIST))


def test_retrain_now_goes_through_the_schedules_door(admin_client, model):
    policy = RetrainingPolicy.objects.create(model=model, every_candles=3)
    assert page(policy, "retrain") in text(admin_client.get(page(policy)))
    assert admin_client.get(page(policy, "retrain")).status_code == 200
    assert not TrainingRun.objects.exists()
    admin_client.post(page(policy, "retrain"))
    run = TrainingRun.objects.get()
    assert (run.policy, run.actor, run.reason) == (policy, "user:admin", "user:admin asked for it")
    assert f"?policy__id__exact={policy.pk}" in text(admin_client.get(LIST))
    assert list(admin_client.get(RUNS, {"policy__id__exact": policy.pk}).context["cl"].result_list) == [run]
    assert list(admin_client.get(RUNS, {"policy__id__exact": policy.pk + 1}).context["cl"].result_list) == []
    assert f"run {run.pk} of bitcoin-usd-1d has not ended yet" in text(admin_client.post(page(policy, "retrain")))
    assert TrainingRun.objects.count() == 1


def test_who_changed_a_policy_is_kept(admin_client, model):
    policy = RetrainingPolicy.objects.create(model=model, every_candles=3)
    admin_client.post(page(policy), asked(admin_client, page(policy), auto_promote="on", params="{}"))
    newest = policy.history.first()
    assert (newest.auto_promote, newest.history_user.username) == (True, "admin")
    assert admin_client.get(page(policy, "history")).status_code == 200


@pytest.mark.parametrize(("group", "status"), [("viewer", 403), ("operator", 403), ("owner", 200)])
def test_owners_alone_let_a_model_retrain_itself(client, django_user_model, model, group, status):
    anna = django_user_model.objects.create_user("anna", is_staff=True)
    anna.groups.add(Group.objects.get(name=group))
    client.force_login(anna)
    policy = RetrainingPolicy.objects.create(model=model, every_candles=3)
    assert client.get(LIST).status_code == 200
    assert client.get(ADD).status_code == status
    client.post(page(policy), {"every_days": 1})
    policy.refresh_from_db()
    assert policy.every_candles == 3
    assert client.get(page(policy, "delete")).status_code == status


def make_run(name="bitcoin-usd-1d", **facts):
    market = TrainingRun.objects.first().market if TrainingRun.objects.exists() else make_market()
    return TrainingRun.objects.create(model=make_model(name, default=False), market=market, **RECIPE, **facts)


def test_the_list_of_runs_says_where_each_stands_in_the_queue(admin_client):
    make_run(), make_run("one"), make_run("two", status="failed", error="too few rows")
    shown = text(admin_client.get(RUNS))
    assert "waits since 0 seconds, 1 in the queue" in shown
    assert "waits since 0 seconds, 2 in the queue" in shown


def test_a_run_that_pauses_after_a_fault_says_when_it_is_tried_again(admin_client, set_clock):
    set_clock("2026-11-20T10:00:00Z")
    run = make_run()
    run.claim()
    run.fail_or_try_again("OSError: no space left on device")
    assert "is tried again at 10:01:00 UTC: OSError: no space left on device" in text(admin_client.get(RUNS))


def test_several_runs_are_cancelled_at_once(admin_client):
    runs = [make_run(), make_run("one"), make_run("two", status="failed")]
    sent = {"action": "cancel_selected", "_selected_action": [run.pk for run in runs]}
    assert "2 cancelled; 1 had ended already" in text(admin_client.post(RUNS, sent, follow=True))
    assert sorted(TrainingRun.objects.values_list("status", flat=True)) == ["cancelled", "cancelled", "failed"]


def test_who_may_only_look_cancels_nothing(client, django_user_model):
    run = make_run()
    anna = django_user_model.objects.create_user("anna", is_staff=True)
    anna.groups.add(Group.objects.get(name="viewer"))
    client.force_login(anna)
    client.post(RUNS, {"action": "cancel_selected", "_selected_action": [run.pk]})
    run.refresh_from_db()
    assert run.status == "queued"


def test_a_model_whose_last_retraining_failed_says_so_at_a_glance(model):
    policy = RetrainingPolicy.objects.create(model=model, every_candles=3)
    facts = {"model": model, "market": Candle.objects.first().market, "policy": policy, **RECIPE}
    TrainingRun.objects.create(**facts, status="failed", error="Refused: too few rows")
    assert "its last retraining failed: Refused: too few rows" in concerns([model])[model.pk]
    later = now() + timedelta(minutes=1)
    TrainingRun.objects.create(**facts, status="succeeded", version=model.versions.get(), created_at=later)
    assert "its last retraining failed: Refused: too few rows" not in concerns([model])[model.pk]
