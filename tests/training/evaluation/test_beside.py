"""The model beside logistic regression, and where the market moved enough to matter."""

import numpy as np
import pytest

from training.evaluation.answered import Answered
from training.evaluation.beside import beside_logistic, outside_dead_zone
from training.evaluation.bootstrap import Draws

ROWS = 3_000


def answered(*, right=0.5, sure=0.55, rows=ROWS, seed=0, **changes):
    """Forecasts that are `right` so often, each with the probability `sure`."""
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(99).integers(0, 2, rows, dtype=np.int8)
    hit = rng.random(rows) < right
    facts = {
        "truth": truth,
        "probability": np.where(hit == truth, sure, 1 - sure),
        "base_rate": np.full(rows, 0.5),
        "last_return": np.full(rows, np.nan),
        "log_return": np.where(truth, 0.01, -0.01),
        "as_of": 3_600 * np.arange(rows),
        "draws": Draws(rows, horizon=1, seed=7),
    }
    return Answered(**{**facts, **changes})


def beside(model, logistic):
    return beside_logistic(model, logistic.probability)


def test_where_logistic_regression_does_as_well_the_report_says_to_use_it():
    found = beside(answered(right=0.55, seed=1), answered(right=0.55, seed=2))
    assert found["does_as_well"] is True
    assert found["edge"]["low"] < 0 < found["edge"]["high"]
    assert "does as well: use that, it is simpler" in found["sentence"]


def test_where_logistic_regression_is_better_the_report_says_so():
    found = beside(answered(right=0.50, seed=1), answered(right=0.56, seed=2))
    assert found["edge"]["high"] < 0
    assert "right more often: use that" in found["sentence"]


def test_a_model_that_is_right_more_often_is_worth_its_trouble():
    found = beside(answered(right=0.58, seed=1), answered(right=0.52, seed=2))
    assert found["does_as_well"] is False
    assert found["edge"]["low"] > 0
    assert "It is right more often than" in found["sentence"]
    assert "use that" not in found["sentence"]


def test_a_model_whose_probabilities_alone_are_better_is_said_to_be_that():
    found = beside(answered(right=0.55, sure=0.55, seed=1), answered(right=0.55, sure=0.95, seed=1))
    assert found["edge"]["value"] == 0
    assert found["brier_edge"]["low"] > 0
    assert found["does_as_well"] is False
    assert "its probabilities are" in found["sentence"]


def test_too_few_rows_tell_nothing_apart():
    found = beside(answered(rows=20, seed=1), answered(rows=20, seed=2))
    assert found["does_as_well"] is None
    assert "Too few" in found["sentence"]


def test_the_edge_is_paired_row_by_row():
    model = answered(right=0.55, seed=1)
    found = beside_logistic(model, model.probability)
    assert (found["edge"]["value"], found["edge"]["low"], found["edge"]["high"]) == (0, 0, 0)
    assert found["accuracy"]["value"] == pytest.approx(model.hits.mean())


def test_figures_outside_the_dead_zone_are_those_of_its_rows_alone():
    model = answered(right=0.55)
    outside = np.arange(ROWS) % 3 == 0
    found = outside_dead_zone(model, outside)
    assert (found["rows"], found["share"]["value"]) == (1_000, pytest.approx(1 / 3))
    assert found["accuracy"]["value"] == pytest.approx(model.hits[outside].mean())
    assert found["brier"]["value"] == pytest.approx(((model.probability - model.truth)[outside] ** 2).mean())
    best = model.naive_hits[model.best_rule]
    assert found["edge"]["value"] == pytest.approx(model.hits[outside].mean() - best[outside].mean())
    assert found["edge"]["low"] < found["edge"]["value"] < found["edge"]["high"]


def test_a_dead_zone_that_swallows_every_row_leaves_no_figure():
    found = outside_dead_zone(answered(), np.zeros(ROWS, dtype=np.bool_))
    assert found["rows"] == 0
    assert np.isnan(found["accuracy"]["value"])
