"""Training by hand: queued here, fitted by a worker, cancelled by a button; and what the lists say of the data."""

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cryptoml_site.clock import now
from tests.factories import make_market, make_model
from training.admin.run import state
from training.fitting.estimators import ESTIMATORS
from training.models import Outcome, TrainingRun
from training.models.run import ESTIMATOR_NAMES, SILENCE

pytestmark = pytest.mark.django_db

ADD = reverse("admin:training_trainingrun_add")


def text(answer):
    return " ".join(answer.content.decode().split())


def asked(**changes):
    chosen = {"feature_set": "technical", "estimator": "xgboost", "folds": 5, "seed": 3}
    return {"model": make_model().pk, **chosen, **changes}


def make_run(**facts):
    model, market = make_model(), make_market()
    chosen = {"feature_set": "classic", "estimator": "xgboost", "actor": "user:tester"}
    return TrainingRun.objects.create(model=model, market=market, **chosen, **facts)


def cancel_of(run):
    return reverse("admin:training_trainingrun_cancel", args=[run.pk])


@pytest.fixture
def sent():
    """What was sent to the queue: the broker is outside."""
    with patch("training.queueing.current_app.send_task") as send_task:
        yield send_task


def test_the_web_names_every_estimator_that_there_is():
    assert set(ESTIMATOR_NAMES) == set(ESTIMATORS)


def test_train_queues_a_run_and_sends_its_task(admin_client, sent, django_capture_on_commit_callbacks):
    market = make_market()
    with django_capture_on_commit_callbacks(execute=True):
        answer = admin_client.post(ADD, asked(), follow=True)
    run = TrainingRun.objects.get()
    assert (run.market, run.feature_set, run.estimator, run.folds, run.seed) == (market, "technical", "xgboost", 5, 3)
    assert (run.status, run.actor) == ("queued", "user:admin")
    sent.assert_called_once_with("training.train", [run.pk])
    assert f"{run} is queued" in text(answer)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"folds": 1}, "greater than or equal to 2"),
        ({"estimator": "oracle"}, "not one of the available choices"),
        ({"feature_set": "raw"}, "not one of the available choices"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"time_limit_minutes": 99_999_999_999_999}, "less than or equal to 2147483647"),
        ({"memory_limit_mb": 99_999_999_999_999}, "less than or equal to 4000000"),
        ({"model": 999}, "not one of the available choices"),
        ({"window": 50}, "window is 50: give 0, or a whole number from 100"),
        ({"embargo": -1}, "greater than or equal to 0"),
        ({"half_life": "long"}, "Enter a number"),
        ({"calibration": "isotonic"}, "not one of the available choices"),
        ({"own_estimator": "MyEstimator"}, "Give a dotted path"),
        ({"own_estimator": "acme;import os.x"}, "Give a dotted path"),
        ({"own_feature_set": "acme.features.MY_SET"}, "acme.features.MY_SET&#x27; cannot be imported here"),
        ({"own_feature_set": "training.features.classic.FEATURES"}, "a tuple, not a FeatureSet"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_waits(admin_client, sent, changes, said):
    make_market()
    assert said in text(admin_client.post(ADD, asked(**changes)))
    assert not TrainingRun.objects.exists()


def test_the_options_of_the_recipe_are_those_that_differ_from_the_defaults(admin_client, sent):
    make_market()
    options = {"calibration": "sigmoid", "window": 5_000, "balance": "on", "half_life": "90.5", "embargo": "0"}
    admin_client.post(ADD, asked(**options))
    run = TrainingRun.objects.get()
    assert run.options == {"calibration": "sigmoid", "window": 5_000, "balance": True, "half_life": 90.5}
    shown = text(admin_client.get(run_page(run)))
    assert "half_life" in shown


def test_an_estimator_of_ones_own_is_left_for_the_trainer_to_import(admin_client, sent):
    make_market()
    admin_client.post(ADD, asked(own_estimator="acme.models.MyEstimator"))
    assert TrainingRun.objects.get().estimator == "acme.models.MyEstimator"


def test_a_model_whose_market_is_gone_is_not_trained(admin_client, sent):
    assert "Its market bitcoin-usd-1d is gone" in text(admin_client.post(ADD, asked()))
    assert not TrainingRun.objects.exists()


def test_cancelling_asks_first_and_then_ends_the_run(admin_client):
    run = make_run()
    assert f'href="{cancel_of(run)}"' in text(admin_client.get(run_page(run)))
    assert admin_client.get(cancel_of(run)).status_code == 200
    run.refresh_from_db()
    assert run.status == "queued"
    admin_client.post(cancel_of(run))
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert "has ended already" in text(admin_client.post(cancel_of(run)))


def test_without_the_token_nothing_is_queued_and_nothing_cancelled(admin_user, sent):
    client, run = Client(enforce_csrf_checks=True), make_run()
    client.force_login(admin_user)
    assert [client.post(ADD, asked()).status_code, client.post(cancel_of(run)).status_code] == [403, 403]
    assert list(TrainingRun.objects.values_list("status", flat=True)) == ["queued"]


def test_staff_who_may_only_look_neither_train_nor_cancel(client, django_user_model, sent):
    anna = django_user_model.objects.create_user("anna", is_staff=True)
    anna.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(anna)
    run = make_run()
    assert client.get(run_page(run)).status_code == 200
    assert [client.get(ADD).status_code, client.post(ADD, asked()).status_code] == [403, 403]
    assert [client.get(cancel_of(run)).status_code, client.post(cancel_of(run)).status_code] == [403, 403]
    assert list(TrainingRun.objects.values_list("status", flat=True)) == ["queued"]


def run_page(run):
    return reverse("admin:training_trainingrun_change", args=[run.pk])


def test_a_runs_page_shows_its_folds_and_its_log_and_looks_again_while_it_runs(admin_client):
    run = make_run()
    run.claim()
    run.progress(3)
    shown = text(admin_client.get(run_page(run)))
    assert "3 of 8 folds" in shown
    assert "3 of 8 folds done" in shown
    assert 'http-equiv="refresh"' in shown
    run.fail("too few rows")
    assert 'http-equiv="refresh"' not in text(admin_client.get(run_page(run)))


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"created_at": -timedelta(seconds=30)}, "waits since 30 seconds"),
        ({"created_at": -timedelta(hours=1)}, "is a trainer running"),
        ({"status": "running", "started_at": -timedelta(minutes=5), "seen_at": timedelta()}, "under way for 5 minutes"),
        ({"status": "running", "started_at": -timedelta(hours=9), "seen_at": timedelta()}, "longer than usual"),
        (
            {"status": "running", "started_at": -timedelta(hours=9), "seen_at": -4 * SILENCE},
            "no sign of life for 2 min",
        ),
        ({"status": "failed", "error": "too few rows"}, "too few rows"),
        ({"status": "cancelled"}, "cancelled"),
    ],
)
def test_a_run_says_how_it_is_and_one_that_never_ends_says_that_too(facts, said):
    at = now()
    moved = {name: at + value if isinstance(value, timedelta) else value for name, value in facts.items()}
    assert said in state(TrainingRun(**{"created_at": at, **moved}), at)


@pytest.mark.parametrize("rows", ["trainingrun", "trial"])
def test_no_list_reads_logs_and_reports_that_it_does_not_show(admin_client, rows):
    with CaptureQueriesContext(connection) as asked:
        assert admin_client.get(reverse(f"admin:training_{rows}_changelist")).status_code == 200
    read = [query["sql"] for query in asked if f'FROM "training_{rows}"' in query["sql"]]
    assert read
    assert not [sql for sql in read for long in ('"log"', '"metrics"', '"signature"') if long in sql]


def markets_list(admin_client):
    return text(admin_client.get(reverse("admin:training_market_changelist")))


def test_a_market_says_how_fresh_it_is(admin_client):
    make_market("empty-usd-1d")
    make_market("old-usd-1d", newest=now() - timedelta(days=12), candles=3)
    make_market("new-usd-1d", newest=now() - timedelta(days=1), candles=3)
    shown = markets_list(admin_client)
    assert "empty-usd-1d has no candles yet" in shown
    assert "stale: the newest candle of old-usd-1d closed 11 days ago" in shown
    assert shown.count(">fresh<") == 1


def test_a_simulated_market_is_labelled_so(admin_client):
    market = make_market()
    assert "no real prices" not in markets_list(admin_client)
    market.source, market.simulation = "simulated", {}
    market.save(update_fields=["source", "simulation"])
    assert "<strong>simulated</strong>: no real prices" in markets_list(admin_client)


def test_a_market_leads_to_its_missed_forecasts(admin_client):
    market = make_market()
    url = f"{reverse('admin:predictions_missedforecast_changelist')}?model__market={market}"
    assert f'href="{url}"' in markets_list(admin_client)
    assert admin_client.get(url).status_code == 200


def test_an_outcome_shows_what_the_market_did(admin_client):
    at = now()
    figures = {"close_at_start": 100.0, "close_at_end": 101.0, "log_return": 0.00995, "settled_at": at}
    Outcome.objects.create(
        market=make_market(), as_of=at, horizon=1, matures_at=at, status=Outcome.Status.SETTLED, **figures
    )
    assert "+1.000%" in text(admin_client.get(reverse("admin:training_outcome_changelist")))
