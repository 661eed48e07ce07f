"""Training: from candles to a candidate with everything behind it, or a refusal with the numbers."""

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from ctypes import CFUNCTYPE

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from cryptoml_site.errors import Invalid, Refused, Unknown
from registry.bundles import EVALUATION, GOLDEN, NATIVE, ONNX, REPORT, BundleAltered, read_file, verify_bundle
from registry.models import ModelVersion, RegisteredModel
from registry.onnx_model import OnnxClassifier
from tests.factories import alter, make_market
from training.datasets import build_dataset
from training.evaluation.archive import unpack_arrays
from training.features.feature_set import feature_set
from training.learning import learn, queue_run
from training.management.commands.train import interruptible
from training.market_data.simulate import simulate_candles
from training.models import Market, RunLost, TrainingRun
from training.models.run import SILENCE

pytestmark = pytest.mark.django_db
SMALL = {"n_estimators": 10, "max_depth": 3}


@pytest.fixture
def market(db):
    simulate_candles("demo-usd-1h", candles=1_500, seed=7, signal=0.3)
    return Market.objects.named("demo-usd-1h")


def queue(market, *, model=None, estimator="xgboost", **facts):
    chosen = model or RegisteredModel.objects.of_market(market.name)
    defaults = {"feature_set": "technical", "actor": "user:anna", "params": SMALL, "folds": 3}
    return queue_run(market=market, model=chosen, estimator=estimator, **defaults | facts)


def trained(market, **facts):
    return learn(queue(market, **facts), progress=lambda *_: None)


def test_a_run_leaves_a_candidate_with_everything_behind_it(market):
    version = trained(market)
    dataset = build_dataset(market.candles.series(interval=3600), feature_set("technical"), horizon=1)
    assert (version.number, version.stage, version.created_by) == (1, "candidate", "user:anna")
    assert (version.data_sha256, version.feature_set_sha256) == (dataset.sha256, feature_set("technical").sha256)
    assert version.data_end == market.newest()
    assert version.simulated
    assert version.environment["xgboost"]
    assert version.params["n_estimators"] == 10
    assert version.training_run.status == "succeeded"


def test_the_bundle_answers_as_it_did_when_it_was_made(market):
    version = trained(market)
    golden = unpack_arrays(read_file(version.bundle, GOLDEN))
    loaded = OnnxClassifier.from_bytes(read_file(version.bundle, ONNX))
    np.testing.assert_array_equal(loaded.probability_up(golden["X"]), golden["probability"])


def test_the_recorded_evaluation_gives_the_reported_accuracy(market):
    version = trained(market)
    rows = unpack_arrays(read_file(version.bundle, EVALUATION))
    accuracy = ((rows["probability"] >= 0.5) == rows["y_true"]).mean()
    assert accuracy == pytest.approx(version.metrics["metrics"]["accuracy"]["value"])
    assert json.loads(read_file(version.bundle, REPORT))["metrics"] == version.metrics["metrics"]


def test_the_same_data_and_seed_make_the_same_bundle(market):
    assert trained(market).bundle == trained(market).bundle


def test_progress_is_told_by_fold_and_kept(market):
    told = []
    run = queue(market)
    learn(run, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    run.refresh_from_db()
    assert run.folds_done == 3


def test_too_few_candles_are_refused_with_the_numbers_and_the_run_keeps_the_reason(db):
    simulate_candles("tiny-usd-1h", candles=300, seed=7)
    run = queue(Market.objects.named("tiny-usd-1h"))
    with pytest.raises(Refused, match=r"\d+ rows") as refused:
        learn(run, progress=lambda *_: None)
    run.refresh_from_db()
    assert refused.value.code == "too_few_rows"
    assert (run.status, run.error) == ("failed", f"Refused: {refused.value}")
    assert not ModelVersion.objects.exists()


def test_a_market_that_only_rose_is_refused(market):
    market.candles.update(open=None, high=None, low=None)
    for place, candle in enumerate(market.candles.order_by("opened_at")):
        market.candles.filter(pk=candle.pk).update(close=100 + place)
    with pytest.raises(Refused, match="up") as refused:
        trained(market)
    assert refused.value.code == "one_class"


def test_a_second_run_of_the_same_model_is_refused_while_one_is_under_way(market):
    first, second = queue(market), queue(market)
    first.claim()
    with pytest.raises(Refused, match=rf"being trained already: run {first.pk} by user:anna, 0 of 3 folds") as refused:
        learn(second, progress=lambda *_: None)
    assert "30 s after its last sign of life it counts as dead, and a trainer takes it up" in str(refused.value)


def test_a_run_that_another_process_took_is_left_to_it(market):
    run = queue(market)
    TrainingRun.objects.get(pk=run.pk).claim()
    assert learn(run, progress=lambda *_: None) is None


@pytest.mark.parametrize(
    ("asked", "kind", "field"),
    [
        ({"feature_set": "magic"}, Unknown, "feature_set"),
        ({"estimator": "oracle"}, Unknown, "estimator"),
        ({"params": {"depth": 3}}, Invalid, "params.depth"),
        ({"options": {"window": 1}}, Invalid, "options.window"),
        ({"options": {"oracle": 1}}, Invalid, "options.oracle"),
        *(({"folds": folds}, Invalid, "folds") for folds in (-1, 1, 100_000)),
        *(({"seed": seed}, Invalid, "seed") for seed in (-1, 3_000_000_000, 10**20)),
    ],
)
def test_what_cannot_be_trained_is_refused_before_it_is_queued(market, asked, kind, field):
    with pytest.raises(kind) as refused:
        queue(market, **asked)
    assert refused.value.field == field
    assert not TrainingRun.objects.exists()


def test_a_model_too_large_for_serving_is_refused(market, settings):
    settings.ONNX_LIMIT = 1000
    with pytest.raises(Refused, match="1,000 are allowed"):
        trained(market)
    assert not ModelVersion.objects.exists()


def test_train_command_makes_a_named_model_and_says_how_it_stands_beside_doing_nothing(market, capsys):
    options = {"feature_set": "technical", "estimator": "xgboost", "param": [("n_estimators", 10)], "folds": 3}
    call_command("train", "demo-usd-1h", model="demo-usd-1h-technical", **options)
    said = capsys.readouterr().out
    assert "demo-usd-1h-technical version 1: xgboost on technical, a candidate" in said
    assert "baseline" in said
    assert RegisteredModel.objects.named("demo-usd-1h-technical").market == "demo-usd-1h"


def test_train_command_takes_options_of_the_recipe(market):
    options = {"estimator": "logistic", "folds": 2, "quiet": True}
    given = ["--option", "calibration=sigmoid", "--option", "balance=true", "--option", "half_life=30"]
    call_command("train", "demo-usd-1h", *given, **options)
    run = TrainingRun.objects.get()
    assert run.options == {"calibration": "sigmoid", "balance": True, "half_life": 30.0}
    assert run.version.metrics["recipe"]["options"] == run.options


@pytest.mark.parametrize("given", ["calibration=isotonic", "balance=yes", "half_life=", "windw=3"])
def test_train_command_refuses_an_option_by_name(market, given):
    with pytest.raises(Invalid) as refused:
        call_command("train", "demo-usd-1h", "--option", given)
    assert refused.value.field == f"options.{given.partition('=')[0]}"
    assert not TrainingRun.objects.exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--param", "C="], "argument --param: 'C=' is no number by its name: write it as n_estimators=300"),
        (["--param", "C=much"], "'C=much' is no number by its name"),
        (["--param", "=3"], "'=3' is no number by its name"),
        (["--option", "half_life"], "--option: 'half_life' is no value by its name: write it as calibration=sigmoid"),
        (["--option", "=1"], "'=1' is no value by its name"),
    ],
)
def test_train_command_says_how_a_number_or_a_value_is_given(market, given, said):
    with pytest.raises(CommandError, match=said):
        call_command("train", "demo-usd-1h", *given)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (["--param", "C=1", "--param", "C=2"], "params.C"),
        (["--option", "window=500", "--option", "window=600"], "options.window"),
        (["--model", ""], "model"),
        (["--estimator", "../x"], "estimator"),
    ],
)
def test_train_command_guesses_nothing(market, given, field):
    with pytest.raises(Refused) as refused:
        call_command("train", "demo-usd-1h", *given)
    assert refused.value.field == field
    assert not TrainingRun.objects.exists()


def test_check_bundle_knows_a_calibrated_model(market, capsys):
    trained(market, options={"calibration": "sigmoid"})
    call_command("check_bundle", "demo-usd-1h", "1")
    assert "agrees with the native model" in capsys.readouterr().out


def test_a_model_of_one_market_is_not_trained_on_another(market):
    make_market("bitcoin-usd-1d")
    RegisteredModel.objects.of_market("bitcoin-usd-1d")
    with pytest.raises(Invalid, match="forecasts bitcoin-usd-1d, not demo-usd-1h"):
        call_command("train", "demo-usd-1h", model="bitcoin-usd-1d")


def test_check_bundle_compares_onnx_with_the_native_model(market, capsys):
    trained(market)
    call_command("check_bundle", "demo-usd-1h", "1")
    assert "repeats its 32 golden answers within 0.0e+00" in capsys.readouterr().out


@pytest.mark.parametrize("name", [ONNX, NATIVE, GOLDEN])
def test_check_bundle_names_the_file_that_was_altered(market, name):
    alter(trained(market).bundle, name)
    with pytest.raises(BundleAltered, match=name):
        call_command("check_bundle", "demo-usd-1h", "1")


@pytest.mark.django_db(transaction=True)
def test_two_versions_registered_at_once_get_two_numbers(market):
    model = RegisteredModel.objects.of_market(market.name)
    first = trained(market)
    facts = {
        field.name: getattr(first, field.name)
        for field in ModelVersion._meta.fields
        if field.name not in ("id", "model", "number", "stage", "created_at")
    }

    def register(_):
        try:
            return ModelVersion.objects.register(model, **facts).number
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(register, range(4)))
    assert sorted(numbers) == [2, 3, 4, 5]
    assert verify_bundle(first.bundle)


def test_a_run_without_a_sign_of_life_is_queued_again_and_fails_after_three_times(market):
    run = queue(market)
    for attempt in range(1, 4):
        assert run.claim()
        assert run.attempts == attempt
        TrainingRun.objects.update(seen_at=run.created_at - 2 * SILENCE)
        waiting = TrainingRun.objects.sweep()
        run.refresh_from_db()
    assert (waiting, run.status) == ([], "failed")
    assert "killed, 3 times" in run.error


def test_a_run_that_lives_is_left_alone(market):
    run = queue(market)
    run.claim()
    assert TrainingRun.objects.sweep() == []
    run.refresh_from_db()
    assert run.status == "running"


def test_a_process_that_lost_its_run_cannot_end_it(market):
    lost, taken = queue(market), None
    lost.claim()
    TrainingRun.objects.update(status="queued")
    taken = TrainingRun.objects.get()
    taken.claim()
    with pytest.raises(RunLost):
        lost.fail("too late")
    assert TrainingRun.objects.get().status == "running"


def test_a_run_that_has_ended_is_not_cancelled(market):
    trained(market)
    with pytest.raises(Refused, match="has ended already"):
        TrainingRun.objects.get().cancel()


def test_train_queue_leaves_the_run_to_the_trainer(market, capsys, monkeypatch, django_capture_on_commit_callbacks):
    sent = []
    monkeypatch.setattr("training.queueing.current_app.send_task", lambda name, args: sent.append((name, args)))
    with django_capture_on_commit_callbacks(execute=True):
        call_command("train", "demo-usd-1h", queue=True)
    run = TrainingRun.objects.get()
    assert (run.status, sent) == ("queued", [("training.train", [run.pk])])
    assert "is queued" in capsys.readouterr().out


def test_a_train_command_that_is_refused_leaves_no_run_in_the_queue(market):
    queue(market).claim()
    with pytest.raises(Refused, match="being trained already"):
        call_command("train", "demo-usd-1h")
    assert sorted(TrainingRun.objects.values_list("status", flat=True)) == ["cancelled", "running"]


@pytest.mark.parametrize(("ending", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_train_command_and_its_run_in_a_sentence(market, monkeypatch, capsys, ending, status):
    before = signal.getsignal(ending)
    monkeypatch.setattr("training.learning.build_dataset", lambda *_, **__: signal.raise_signal(ending))
    with pytest.raises(SystemExit) as left:
        call_command("train", "demo-usd-1h")
    run = TrainingRun.objects.get()
    assert (left.value.code, run.status, run.error) == (
        status,
        "failed",
        "interrupted before its end, by Ctrl-C or SIGTERM: train again",
    )
    assert f"interrupted before its end: {run} made no version" in capsys.readouterr().err
    assert signal.getsignal(ending) == before


def test_a_signal_that_comes_while_c_calls_python_back_is_not_lost(capfd):
    called_back = CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(SystemExit) as left, interruptible():
        time.sleep(called_back() or 5)
    assert (left.value.code, capfd.readouterr().err) == (130, "")


def test_a_train_command_that_is_interrupted_before_it_begins_leaves_nothing_in_the_queue(market, monkeypatch):
    monkeypatch.setattr(TrainingRun, "claim", lambda _: signal.raise_signal(signal.SIGINT))
    with pytest.raises(SystemExit):
        call_command("train", "demo-usd-1h")
    assert TrainingRun.objects.get().status == "cancelled"
