"""The studies go through the doors that a person uses, and their pages count what those said."""

import pytest

from cryptoml_site.errors import Unknown
from registry.models import Deployment, ModelVersion
from studies import gate_virtues, markdown, real_candles
from studies.gate_virtues import Found, Question, ask
from training.market_data.simulate import simulate_candles
from training.models import TrainingRun

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _of_few_candles(monkeypatch):
    monkeypatch.setattr(gate_virtues, "CANDLES", 2_000)


def test_what_the_gates_stopped_is_named_and_is_not_in_production():
    found = ask(Question(signal=0.0, seed=1, estimator="logistic"))
    assert not found.passed
    assert "EdgeOverBaseline" in found.stopped_by
    assert not Deployment.objects.in_force().exists()


def test_what_passed_is_in_production_without_an_override():
    found = ask(Question(signal=0.5, seed=1, estimator="logistic"))
    assert found.passed
    [moved] = Deployment.objects.filter(kind="promote")
    assert moved.evidence["passed"]


@pytest.mark.parametrize("signal", [0.0, 0.5])
def test_a_study_that_was_stopped_finds_its_versions_and_their_verdicts_again(signal):
    question = Question(signal=signal, seed=1, estimator="logistic")
    assert ask(question) == ask(question)
    assert (ModelVersion.objects.count(), TrainingRun.objects.count()) == (1, 1)


def test_the_page_counts_passes_and_what_stopped_the_others():
    found = [
        Found(Question(0.0, 1, "logistic"), 0.50, 0.52, ("EdgeOverBaseline", "MaximumCalibrationError")),
        Found(Question(0.0, 2, "logistic"), 0.52, 0.50, ("EdgeOverBaseline",)),
        Found(Question(0.25, 1, "logistic"), 0.55, 0.51, ()),
    ]
    rows = markdown.gate_virtues(found).splitlines()[-2:]
    assert rows == [
        "| logistic | 0 | 0 | 2 | 0.510 | 0.510 | EdgeOverBaseline 2, MaximumCalibrationError 1 |",
        "| logistic | 0.25 | 1 | 1 | 0.550 | 0.510 | - |",
    ]


def test_a_folder_without_candles_is_refused_and_no_page_is_written_over(tmp_path):
    with pytest.raises(Unknown, match="has none of bitcoin_daily") as refused:
        list(real_candles.study(tmp_path))
    assert refused.value.field == "folder"


def test_real_candles_are_studied_where_their_file_is_and_what_is_too_good_is_marked(monkeypatch, tmp_path):
    monkeypatch.setattr(real_candles, "FEATURE_SETS", ["technical"])
    monkeypatch.setattr(real_candles, "ESTIMATORS", ["logistic"])
    monkeypatch.setattr(
        real_candles, "load_candles", lambda name, file: simulate_candles(name, seed=1, signal=0.7, candles=1_500)
    )
    (tmp_path / "solana_daily.csv").touch()
    [studied] = real_candles.study(tmp_path)
    assert studied.market == "solana-usd-1d"
    page = markdown.real_candles([studied])
    assert "(!)" in page
    assert f"Above 57%: {studied.versions[0]}." in page
