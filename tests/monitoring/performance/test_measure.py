"""Figures of settled answers: those of a version's own report, each beside its baseline, none without its interval."""

from math import log

import numpy as np
import pytest

from monitoring.evidence import Evidence
from monitoring.intervals import wilson
from monitoring.performance.figure import FEWEST, JUDGED, Figure, Verdict
from monitoring.performance.figures import figures_of
from tests.monitoring.judged import HOUR, NOON
from training.evaluation import metrics
from training.evaluation.bootstrap import Draws
from training.evaluation.calibration import expected_calibration_error, reliability
from training.evaluation.confidence import hit_rates
from training.evaluation.figures import figures as of_report
from training.evaluation.trading import after_costs

NAMES = ["hit_rate", "balanced_accuracy", "brier", "log_loss", "ece", "return_per_candle", "return_total"]


def drawn(n, *, edge=0.05, seed=1, abstain=0.0):
    """Answers whose probability is right on the whole."""
    rng = np.random.default_rng(seed)
    probability = np.clip(rng.normal(0.5, edge, n), 0.01, 0.99)
    rose = rng.random(n) < probability
    returns = np.where(rose, 1, -1) * rng.exponential(0.01, n)
    silent = rng.random(n) < abstain
    return Evidence.of(
        [
            (NOON + hour * HOUR, float(change), None if quiet else bool(p >= 0.5), float(p))
            for hour, (change, p, quiet) in enumerate(zip(returns, probability, silent, strict=True))
        ]
    )


@pytest.mark.parametrize("horizon", [1, 6])
def test_they_are_those_of_a_report(horizon):
    evidence = drawn(1_000)
    found, truth = figures_of(evidence, horizon=horizon), evidence.went_up.astype(np.int8)
    told = of_report(truth, evidence.probability_up, Draws(1_000, horizon=horizon, seed=7))
    for name, same in {"hit_rate": "accuracy"}.items() | {(name, name) for name in NAMES[1:5]}:
        figure, expected = found.by_name[name], told[same]
        assert (figure.value, figure.low, figure.high) == (expected.value, expected.low, expected.high)
        assert (figure.n, figure.low < figure.high) == (1_000, True)
    traded = after_costs(evidence.called_up, evidence.log_return, horizon=horizon)
    mean, total = found.by_name["return_per_candle"], found.by_name["return_total"]
    assert mean.value * 1e4 == pytest.approx(traded["net_bp"])
    assert mean.baseline * 1e4 == pytest.approx(traded["hold_bp"])
    assert (total.value, total.low, total.baseline) == pytest.approx(
        (1_000 * mean.value, 1_000 * mean.low, 1_000 * mean.baseline)
    )


def test_each_baseline_is_of_the_same_outcomes():
    evidence = drawn(500)
    truth, share = evidence.went_up, evidence.went_up.mean()
    found = figures_of(evidence, horizon=1).by_name
    assert found["hit_rate"].baseline == max(share, 1 - share)
    assert found["balanced_accuracy"].baseline == 0.5
    assert found["brier"].baseline == pytest.approx(share * (1 - share))
    assert found["log_loss"].baseline == pytest.approx(-share * log(share) - (1 - share) * log(1 - share))
    assert found["return_total"].baseline == pytest.approx(evidence.log_return.sum())
    assert found["brier"].value == pytest.approx(metrics.brier(truth, evidence.probability_up))


def test_what_luck_gives_a_perfect_forecaster_is_the_calibration_errors_baseline():
    """Of many perfect forecasters, the mean error."""
    errors, baseline = [], []
    for seed in range(60):
        evidence = drawn(400, edge=0.1, seed=seed)
        errors.append(expected_calibration_error(evidence.went_up, evidence.probability_up))
        baseline.append(figures_of(evidence, horizon=1).by_name["ece"].baseline)
    assert np.mean(errors) == pytest.approx(np.mean(baseline), rel=0.05)


def test_the_calibration_table_is_the_reports_with_intervals():
    evidence = drawn(1_000)
    found = figures_of(evidence, horizon=1).calibration
    expected = reliability(evidence.went_up, evidence.probability_up)
    assert [(b.n, b.probability, b.frequency) for b in found] == [
        (b.rows, pytest.approx(b.probability), pytest.approx(b.frequency)) for b in expected
    ]
    assert (found[0].low, found[0].high) == wilson(round(found[0].frequency * 100), 100)


def test_the_buckets_of_confidence_are_the_reports():
    evidence = drawn(1_000)
    found = figures_of(evidence, horizon=1).by_confidence
    draws = Draws(1_000, horizon=1, seed=7)
    expected = hit_rates(evidence.went_up.astype(np.int8), evidence.probability_up, draws)
    assert [(b.start, b.end, b.hit_rate.n, b.hit_rate.value, b.hit_rate.low) for b in found] == [
        (b["from"], b["to"], b["n"], b["hit_rate"]["value"], b["hit_rate"]["low"]) for b in expected
    ]


@pytest.mark.parametrize(("n", "buckets"), [(0, 0), (29, 0), (30, 1), (95, 3), (299, 9), (300, 10), (900, 10)])
def test_no_bucket_is_of_too_few(n, buckets):
    found = figures_of(drawn(n), horizon=1).by_confidence
    assert len(found) == buckets
    assert all(bucket.hit_rate.low is not None for bucket in found if bucket.hit_rate.n >= FEWEST)


def test_a_bucket_that_equal_confidences_leave_small_tells_its_number_alone():
    rows = [(NOON + hour * HOUR, 0.01 if hour % 3 else -0.01, True, 0.7 if hour < 10 else 0.6) for hour in range(300)]
    found = figures_of(Evidence.of(rows), horizon=1).by_confidence
    assert [(b.hit_rate.n, b.hit_rate.value is None, b.hit_rate.baseline is None) for b in found] == [
        (290, False, False),
        (10, True, True),
    ]


@pytest.mark.parametrize("n", [0, 1, FEWEST - 1])
def test_fewer_than_thirty_say_nothing_but_how_many_they_are(n):
    found = figures_of(drawn(n), horizon=1)
    assert list(found.by_name) == NAMES
    assert {(f.n, f.value, f.low, f.high, f.baseline, f.verdict) for f in found.by_name.values()} == {
        (n, None, None, None, None, Verdict.NOT_JUDGED)
    }
    assert (found.calibration, found.by_confidence) == ((), ())


def test_fewer_than_a_hundred_are_told_and_not_judged():
    right = figures_of(all_right(JUDGED - 1), horizon=1).by_name["hit_rate"]
    assert (right.value, right.verdict) == (1.0, Verdict.NOT_JUDGED)
    assert figures_of(all_right(JUDGED), horizon=1).by_name["hit_rate"].verdict == Verdict.BETTER


def all_right(n):
    return Evidence.of(
        [
            (NOON + hour * HOUR, 0.01 if hour % 2 else -0.01, bool(hour % 2), 0.7 if hour % 2 else 0.3)
            for hour in range(n)
        ]
    )


def test_where_blocks_are_too_few_shares_have_wilsons_interval_of_what_does_not_overlap():
    evidence = drawn(120)
    found = figures_of(evidence, horizon=24).by_name
    rate = found["hit_rate"]
    assert (rate.low, rate.high) == wilson(evidence.hits.sum() / 24, 5)
    balanced = found["balanced_accuracy"]
    assert balanced.low < balanced.value < balanced.high
    assert (found["brier"].low, found["brier"].verdict) == (None, Verdict.NOT_JUDGED)


def test_where_all_went_one_way_a_balanced_accuracy_means_nothing():
    up = Evidence.of([(NOON + hour * HOUR, 0.01, True, 0.6) for hour in range(200)])
    found = figures_of(up, horizon=1).by_name
    assert (found["balanced_accuracy"].value, found["balanced_accuracy"].n) == (None, 200)
    assert (found["hit_rate"].baseline, found["hit_rate"].verdict) == (1.0, Verdict.NO_DIFFERENT)


def test_who_abstains_holds_cash_and_is_neither_right_nor_wrong():
    evidence = drawn(400, abstain=0.3)
    found = figures_of(evidence, horizon=1).by_name
    assert found["hit_rate"].n == 400 - evidence.abstained.sum()
    assert found["return_total"].n == 400
    held = np.where(evidence.abstained, False, evidence.called_up)
    traded = after_costs(held, evidence.log_return, horizon=1)
    assert found["return_per_candle"].value * 1e4 == pytest.approx(traded["net_bp"])


@pytest.mark.parametrize(
    ("low", "high", "less_is_better", "verdict"),
    [
        (0.51, 0.6, False, "better"),
        (0.4, 0.49, False, "worse"),
        (0.4, 0.6, False, "no_different"),
        (0.51, 0.6, True, "worse"),
        (0.4, 0.49, True, "better"),
        (None, None, False, "not_judged"),
    ],
)
def test_a_verdict_is_of_the_interval_and_never_of_the_value_alone(low, high, less_is_better, verdict):
    assert Figure(500, 0.55, low, high, 0.5, less_is_better).verdict == verdict
