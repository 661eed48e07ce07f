"""`train --all`: a run for every market's own model, whatever became of the others."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cryptoml_site.errors import Invalid, Unknown
from registry.models import RegisteredModel
from tests.factories import make_market
from training.models import Candle, TrainingRun

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    """What was sent to the workers."""
    messages = []
    monkeypatch.setattr("training.queueing.current_app.send_task", lambda name, args: messages.append((name, *args)))
    return messages


@pytest.fixture
def markets():
    """Three with a candle, one without."""
    held = [make_market(f"coin{number}-usd-1d") for number in range(4)]
    Candle.objects.bulk_create(Candle(market=market, opened_at=market.created_at, close=1.0) for market in held[:3])
    return held


def test_every_market_with_candles_gets_a_run_of_its_own_model(
    markets, sent, capsys, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        call_command("train", all=True, feature_set="technical", estimator="logistic", folds=4)
    runs = TrainingRun.objects.order_by("pk")
    assert [run.model.name for run in runs] == ["coin0-usd-1d", "coin1-usd-1d", "coin2-usd-1d"]
    assert {(run.feature_set, run.estimator, run.folds) for run in runs} == {("technical", "logistic", 4)}
    assert sent == [("training.train", run.pk) for run in runs]
    assert capsys.readouterr().out == "3 runs queued; 1 market left alone, without candles\n"


def test_a_model_whose_run_has_not_ended_is_left_alone(markets, capsys):
    call_command("train", all=True)
    first, second, third = TrainingRun.objects.order_by("pk")
    first.claim()
    TrainingRun.objects.filter(pk=second.pk).update(status="failed")
    capsys.readouterr()
    call_command("train", all=True)
    assert TrainingRun.objects.count() == 4
    assert TrainingRun.objects.latest("pk").model == second.model
    assert "1 run queued; 2 models left alone, whose run has not ended yet" in capsys.readouterr().out
    assert third.pk


@pytest.mark.parametrize(
    ("options", "kind"),
    [({"estimator": "oracle"}, Unknown), ({"folds": 1}, Invalid), ({"param": [("depth", 3)]}, Invalid)],
)
def test_what_cannot_be_trained_is_refused_before_anything_waits(markets, options, kind):
    with pytest.raises(kind):
        call_command("train", all=True, **options)
    assert not TrainingRun.objects.exists()


@pytest.mark.parametrize("arguments", [[], ["coin0-usd-1d", "--all"], ["--all", "--model", "mine"]])
def test_one_market_is_named_or_all_of_them(markets, arguments):
    with pytest.raises(Invalid, match="name a market, or ask for --all"):
        call_command("train", *arguments)
    assert not RegisteredModel.objects.exists()


def test_each_market_more_costs_the_same(markets):
    with CaptureQueriesContext(connection) as asked:
        call_command("train", all=True)
    assert len(asked) <= 3 + 3 * 12
