"""A run's trials: kept when they end, gone on from after a kill, counted against every later version, shown."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from django.conf import settings as configured
from django.db import connection, transaction
from django.db.utils import IntegrityError
from django.urls import reverse

from cryptoml_site.errors import Invalid, Refused
from registry.models import ModelVersion, RegisteredModel
from tests.factories import make_market, make_model, make_version, report
from training.fitting.estimators.xgboost import XGBoost
from training.learning import learn, queue_run
from training.market_data.simulate import simulate_candles
from training.models import Market, RunLost, TrainingRun, Trial
from training.models.run import SILENCE
from training.reporting.page import report_page
from training.summary import summary
from training.trials import TrialsOfRun, sharpes_before
from training.tried import State, Tried

pytestmark = pytest.mark.django_db
GIVEN = {"n_estimators": 20, "subsample": 0.7, "colsample_bytree": 0.7, "reg_lambda": 1.0}


@pytest.fixture
def market(db):
    simulate_candles("demo-usd-1h", candles=1_800, seed=7, signal=0.3)
    return Market.objects.named("demo-usd-1h")


def queue(market, *, trials=6, **facts):
    asked = {"feature_set": "technical", "actor": "user:anna", "params": GIVEN, "folds": 2, "estimator": "xgboost"}
    model = RegisteredModel.objects.of_market(market.name)
    return queue_run(market=market, model=model, options={"trials": trials}, **asked | facts)


def trained(market, **facts):
    return learn(queue(market, **facts), progress=lambda *_: None)


def make_run(**facts):
    chosen = {"feature_set": "classic", "estimator": "xgboost", "actor": "user:tester", **facts}
    model = chosen.pop("model", None) or make_model()
    known = Market.objects.filter(name="bitcoin-usd-1d").first() or make_market()
    return TrainingRun.objects.create(model=model, market=known, **chosen)


def ended(number=0, **facts):
    plain = {
        "params": {"max_depth": 3},
        "state": State.COMPLETE,
        "log_loss": 0.692,
        "losses": [0.69, 0.694],
        "blocks": [[2.0, 0.1, 0.2]],
        "sharpe": 0.01,
        "seconds": 1.5,
        "rows_sha256": "0" * 64,
        "until": 1_700_006_400,
    }
    return Tried(number=number, **{**plain, **facts})


def kept(run, *trials):
    for trial in trials:
        Trial.objects.keep(run, trial)
    return run


def test_a_run_keeps_each_trial_and_a_line_of_its_log_for_it(market):
    version = trained(market)
    run = version.training_run
    assert list(run.trials.values_list("number", flat=True)) == list(range(6))
    assert version.params == run.trials.best_first().first().params == version.metrics["search"]["leaders"][0]["params"]
    assert version.params["n_estimators"] == 20
    assert run.log.count("trial ") == 6
    assert f"trial 0 in {run.trials.get(number=0).seconds:.1f} s: log loss" in run.log
    assert version.metrics["recipe"]["options"] == {"trials": 6}
    assert version.metrics["trials"]["count"] == 6
    assert f"search     {version.metrics['search']['sentence']}" in summary(version)
    assert "The search for parameters" in report_page(version)


def test_no_trial_saw_a_row_that_the_walk_forward_judges(market):
    version = trained(market)
    first_judged = datetime.fromisoformat(version.metrics["folds"][0]["test"]["start"])
    assert {trial.until < first_judged for trial in version.training_run.trials.all()} == {True}


def test_a_trial_comes_back_as_it_was_kept():
    trials = [ended(), ended(1, state=State.PRUNED, blocks=[], sharpe=None), ended(2, state=State.FAILED, error="no")]
    assert TrialsOfRun(kept(make_run(), *trials)).ended() == trials


def test_a_process_that_lost_its_run_keeps_no_trial():
    run = make_run()
    run.claim()
    TrainingRun.objects.update(status="cancelled")
    with pytest.raises(RunLost):
        TrialsOfRun(run).keep(ended())
    assert not Trial.objects.exists()


def test_a_run_has_one_trial_of_each_number():
    run = kept(make_run(), ended())
    with pytest.raises(IntegrityError, match="one_trial_of_each_number_in_a_run"), transaction.atomic():
        kept(run, ended())


def test_a_complete_trial_has_a_log_loss():
    run = kept(make_run(), ended())
    with pytest.raises(IntegrityError, match="a_complete_trial_has_a_log_loss"), transaction.atomic():
        run.trials.update(log_loss=None)


def test_a_cancelled_search_ends_with_its_fold_and_leaves_no_version(market, monkeypatch):
    run, fit = queue(market), XGBoost.fit

    def cancelled_meanwhile(self, *args, **more):
        if run.trials.count() == 2:
            TrainingRun.objects.update(status="cancelled")
        return fit(self, *args, **more)

    monkeypatch.setattr(XGBoost, "fit", cancelled_meanwhile)
    with pytest.raises(RunLost):
        learn(run, progress=lambda *_: None)
    assert (run.trials.count(), ModelVersion.objects.count()) == (2, 0)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"estimator": "logistic", "params": {"C": 1.0}}, "C of logistic are given, which leaves nothing to search"),
        ({"trials": -1}, "from 0 to 10,000"),
    ],
)
def test_a_search_that_cannot_be_made_is_refused_before_it_is_queued(market, asked, said):
    with pytest.raises(Invalid, match=said) as refused:
        queue(market, **asked)
    assert refused.value.field == "options.trials"
    assert not TrainingRun.objects.exists()


def test_too_few_rows_to_search_on_fail_the_run_with_the_numbers(market):
    with pytest.raises(Refused, match="a search sees only the"):
        trained(market, folds=8)
    assert "before the first test fold" in TrainingRun.objects.get().error


def test_the_same_search_made_twice_makes_the_same_bundle(market):
    assert trained(market).bundle == trained(market).bundle


def test_other_versions_and_all_their_trials_are_counted(market):
    first = trained(market)
    second = trained(market, trials=0, params={"n_estimators": 10})
    third = trained(market, seed=8)
    assert [version.metrics["trials"]["count"] for version in (first, second, third)] == [6, 8, 14]


def test_what_was_tried_before_is_what_the_model_was_tried_with_and_nothing_else():
    model, other = make_model(), make_model("other", default=False)
    traded = {**report(), "trading": {"sharpe_per_candle": 0.02}}
    for metrics in (traded, report()):
        left = make_run(model=model)
        TrainingRun.objects.filter(pk=left.pk).update(
            status="succeeded", version=make_version(model=model, metrics=metrics)
        )
    failed = make_run(model=model, status="failed")
    kept(failed, ended(), ended(1, sharpe=None), ended(2, state=State.FAILED, log_loss=None, losses=[], sharpe=None))
    kept(make_run(model=other), ended(sharpe=0.5))
    mine = kept(make_run(model=model), ended(sharpe=0.7))
    assert sharpes_before(mine, data_sha256="1" * 64) == [0.02, 0.01, 0.0]


SEARCH = """
import os, sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
settings.STORAGES["bundles"]["OPTIONS"] = {"location": sys.argv[3]}
django.setup()
from training.learning import learn
from training.models import TrainingRun
learn(TrainingRun.objects.get(pk=sys.argv[2]), progress=lambda *_: None)
"""


def in_a_process_of_its_own(run):
    place = configured.STORAGES["bundles"]["OPTIONS"]["location"]
    database = connection.settings_dict["NAME"]
    return subprocess.Popen([sys.executable, "-c", SEARCH, database, str(run.pk), str(place)], env=os.environ)


def wait_for_trials(run, process, *, count, seconds=180):
    """A busy machine needs most of a minute to import what fits."""
    ends = time.monotonic() + seconds
    while run.trials.count() < count:
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
@pytest.mark.long
def test_a_search_whose_process_is_killed_is_gone_on_with_by_another(market):
    whole, run = trained(market, trials=8), queue(market, trials=8)
    process = in_a_process_of_its_own(run)
    try:
        wait_for_trials(run, process, count=2)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = list(run.trials.values_list("pk", flat=True))
    assert 2 <= len(before) < 8
    TrainingRun.objects.filter(pk=run.pk).update(seen_at=datetime(2020, 1, 1, tzinfo=UTC) - SILENCE)
    assert TrainingRun.objects.sweep() == [run.pk]
    version = learn(TrainingRun.objects.get(pk=run.pk), progress=lambda *_: None)
    run.refresh_from_db()
    assert (run.attempts, run.trials.count()) == (2, 8)
    assert list(run.trials.values_list("pk", flat=True))[: len(before)] == before
    assert version.bundle == whole.bundle


def text(answer):
    return " ".join(answer.content.decode().split())


def test_a_runs_page_shows_its_best_trials_and_leads_to_all(admin_client):
    trials = [ended(n, params={"max_depth": n}, log_loss=0.7 - n / 1000) for n in range(12)]
    run = kept(make_run(), *trials, ended(12, state=State.PRUNED, blocks=[]))
    shown = text(admin_client.get(reverse("admin:training_trainingrun_change", args=[run.pk])))
    every = f"{reverse('admin:training_trial_changelist')}?run__id__exact={run.pk}"
    assert f'<a href="{every}">13 trials</a>: 12 complete, 1 pruned' in shown
    assert "<td>11</td><td>0.68900</td><td>+0.19</td><td>max_depth 11</td>" in shown
    assert shown.index("max_depth 11<") < shown.index("max_depth 10<")
    assert "max_depth 1<" not in shown  # the eleventh
    listed = admin_client.get(every).context["cl"].result_list
    assert [trial.number for trial in listed] == [*range(11, -1, -1), 12]


def test_a_run_without_a_search_has_no_trials(admin_client):
    run = make_run()
    assert "none" in text(admin_client.get(reverse("admin:training_trainingrun_change", args=[run.pk])))


def test_a_trial_that_was_given_up_says_what_it_had_by_then(admin_client):
    kept(make_run(), ended(state=State.PRUNED, blocks=[], sharpe=None))
    shown = text(admin_client.get(reverse("admin:training_trial_changelist")))
    assert "0.69200 when it was given up" in shown
