"""The report: every figure beside its baseline, as JSON takes it."""

import json

import numpy as np
import pytest

from tests.training.planted import planted
from training.evaluation.baselines import last_returns
from training.evaluation.bootstrap import Interval
from training.evaluation.metrics import accuracy, brier
from training.evaluation.report import judge
from training.evaluation.summary import verdict
from training.evaluation.walk import Fold, Walk

FOLDS = (Fold(0, 400, 401, 1_200), Fold(0, 1_199, 1_200, 2_000))


def judged(probability, *, dataset=None, folds=FOLDS, **more):
    dataset = dataset or planted()
    return judge(
        Walk(folds=folds, probability=np.asarray(probability, dtype=np.float64)),
        y=dataset.y,
        as_of=dataset.as_of,
        log_return=dataset.log_return,
        last_return=last_returns(dataset.closes, dataset.as_of, interval=dataset.interval),
        horizon=dataset.horizon,
        seed=7,
        **more,
    )


def test_figures_are_those_of_the_answered_rows_alone():
    data, p = planted(), np.random.default_rng(1).random(1_599)
    report = judged(p, dataset=data)
    assert report["rows"] == report["edge"]["n"] == 1_599
    assert report["metrics"]["brier"] == pytest.approx(brier(data.y[401:], p))
    assert report["folds"][1]["accuracy"] == pytest.approx(accuracy(data.y[1_200:], p[799:] >= 0.5))


def test_folds_say_what_they_were_fitted_on_and_judged_by():
    fold = judged(np.full(1_599, 0.5))["folds"][0]
    assert fold["train"] == {"rows": 400, "start": "2023-11-15T00:00:00Z", "end": "2023-12-01T15:00:00Z"}
    assert fold["test"]["rows"] == 799


def test_each_fold_has_the_best_naive_rule_beside_the_model():
    data = planted()
    report = judged(np.random.default_rng(1).random(1_599), dataset=data)
    folds = report["folds"]
    together = sum(fold["baseline_accuracy"] * fold["test"]["rows"] for fold in folds) / report["rows"]
    assert together == pytest.approx(report["baseline"]["accuracy"])
    assert folds[0]["baseline_accuracy"] != folds[1]["baseline_accuracy"]


def test_curves_are_of_the_answered_rows_and_end_at_the_figures():
    data = planted()
    report = judged(0.2 + 0.6 * data.y[401:], dataset=data)
    assert report["equity"]["model"][-1] == pytest.approx(report["trading"]["net_bp"] * report["rows"] / 1e4, abs=1e-6)
    assert report["equity"]["hold"][-1] == pytest.approx(data.log_return[401:].sum(), abs=1e-6)
    assert report["equity"]["as_of"][0] == report["folds"][0]["test"]["start"]
    assert report["equity"]["as_of"][-1] == report["folds"][1]["test"]["end"]
    assert report["roc"] == {"false_positive_rate": [0, 0, 1], "true_positive_rate": [0, 1, 1]}


def test_the_naive_curve_is_that_of_the_best_rule():
    data = planted(y=np.ones(2_000, dtype=np.int8))
    report = judged(np.random.default_rng(2).random(1_599), dataset=data)
    assert report["baseline"]["name"] == "majority"
    bought = (report["trading"]["cost_bp"] + report["trading"]["slippage_bp"]) / 1e4
    assert report["equity"]["naive"][-1] == pytest.approx(report["equity"]["hold"][-1] - bought, abs=2e-6)


def test_a_model_that_knows_has_an_edge_over_the_best_rule():
    data = planted()
    report = judged(0.2 + 0.6 * data.y[401:], dataset=data)
    best = max(report["baselines"], key=lambda rule: report["baselines"][rule]["accuracy"])
    assert report["baseline"] == {"name": best, **report["baselines"][best]}
    assert report["edge"]["low"] > 0
    assert report["edge"]["value"] == pytest.approx(1 - report["baseline"]["accuracy"])
    assert "an edge of +" in report["summary"]


def test_a_model_that_is_a_naive_rule_has_exactly_no_edge():
    data = planted(y=np.ones(2_000, dtype=np.int8))
    edge = judged(np.ones(1_599), dataset=data)["edge"]
    assert (edge["value"], edge["low"], edge["high"]) == (0, 0, 0)


def test_a_model_that_guesses_shows_no_edge():
    report = judged(np.random.default_rng(2).random(1_599))
    assert report["edge"]["low"] < 0
    assert report["metrics"]["accuracy"]["low"] < 0.5 < report["metrics"]["accuracy"]["high"]


def test_every_metric_has_an_interval_around_the_number_that_gates_read():
    report = judged(np.random.default_rng(1).random(1_599))
    assert set(report["intervals"]) == set(report["metrics"])
    for name, bounds in report["intervals"].items():
        assert bounds["low"] < bounds["value"] < bounds["high"]
        assert report["metrics"][name] == (bounds if name == "accuracy" else bounds["value"])


def test_parts_that_were_not_asked_for_are_absent():
    assert not {"logistic", "outside_dead_zone", "trials"} & set(judged(np.full(1_599, 0.5)))


def test_the_summary_says_to_use_logistic_regression_where_it_does_as_well():
    data = planted(signal=0.3)
    knowing = 1 / (1 + np.exp(-0.5 * data.X[401:, 0]))
    report = judged(knowing, dataset=data, logistic=knowing)
    assert report["logistic"]["does_as_well"] is True
    assert report["summary"].endswith("does as well: use that, it is simpler.")
    assert "use that" not in judged(knowing, dataset=data, logistic=np.full(1_599, 0.5))["summary"]


def test_trading_is_told_beside_holding_the_naive_rule_and_the_same_calls_carried_out_later():
    data = planted(signal=0.3)
    trading = judged(0.2 + 0.6 * data.y[401:], dataset=data, interval=3_600)["trading"]
    assert trading["sharpe"]["low"] > trading["hold"]["sharpe"]["high"]
    assert trading["max_drawdown"] < trading["hold"]["max_drawdown"]
    assert trading["late"]["net_bp"] < 0 < trading["net_bp"]
    assert trading["late"]["sharpe"]["high"] < 0 < trading["sharpe"]["low"]
    assert trading["naive"]["max_drawdown"] > 0
    assert "deflated_sharpe" not in trading


@pytest.mark.parametrize(("trials", "count"), [([], 1), ([0.01, -0.02, float("nan"), None], 3)])
def test_a_sharpe_ratio_is_deflated_by_the_trials_made(trials, count):
    data = planted()
    report = judged(0.45 + 0.1 * data.y[401:], dataset=data, interval=3_600, trials=trials)
    assert report["trials"]["count"] == count
    assert report["trading"]["deflated_sharpe"] == report["trials"]["deflated_sharpe"] > 0.95
    assert (report["trials"]["best_by_luck"] > 0) == (count > 1)


def test_rows_outside_the_dead_zone_are_judged_apart():
    data = planted()
    outside = np.abs(data.log_return[401:]) > 0.005
    report = judged(np.random.default_rng(1).random(1_599), dataset=data, outside=outside)
    assert report["outside_dead_zone"]["rows"] == outside.sum() < report["rows"]


def test_a_whole_report_is_json_without_nan():
    data, nothing = planted(), np.zeros(1_599, dtype=np.bool_)
    for probability in (np.zeros(1_599), np.random.default_rng(3).random(1_599)):
        more = {"logistic": probability, "interval": 3_600, "outside": nothing, "trials": [0.1]}
        report = judged(probability, dataset=data, **more)
        assert json.loads(json.dumps(report, allow_nan=False)) == report
    never = judged(np.zeros(1_599), dataset=data, interval=3_600, trials=[0.1])
    assert never["trading"]["sharpe"]["value"] is None
    assert never["trading"]["deflated_sharpe"] is None


def test_what_has_no_meaning_is_null_and_never_nan():
    data = planted(y=np.ones(2_000, dtype=np.int8))
    report = judged(np.full(20, 0.7), dataset=data, folds=(Fold(0, 400, 401, 411), Fold(0, 410, 411, 421)))
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["metrics"]["roc_auc"] is None
    assert report["roc"] == {"false_positive_rate": [], "true_positive_rate": []}
    assert report["edge"]["low"] is None
    assert "too few forecasts" in report["summary"]


@pytest.mark.parametrize(
    ("low", "high", "said"), [(0.01, 0.03, "an edge of"), (-0.03, -0.01, "it is worse"), (-0.01, 0.03, "no edge")]
)
def test_verdict_claims_no_more_than_the_interval_allows(low, high, said):
    assert said in verdict(Interval(value=(low + high) / 2, low=low, high=high, n=1_000, block=10))
