"""Training where some candles are not believed: their rows are left out, and the report says how many."""

import pytest
from django.urls import reverse

from cryptoml_site.errors import Refused
from registry.models import RegisteredModel
from training.features.feature_set import feature_set
from training.learning import learn, queue_run
from training.market_data.simulate import simulate_candles
from training.models import Market, TrainingRun
from training.summary import summary

pytestmark = pytest.mark.django_db
TECHNICAL = feature_set("technical")


def trained(candles, *, every):
    """A version of a market of which each so-manieth candle is suspect."""
    simulate_candles("demo-usd-1h", candles=candles, seed=7, signal=0.3)
    market = Market.objects.get()
    held = list(market.candles.order_by("opened_at").values_list("pk", flat=True))
    market.candles.filter(pk__in=held[every::every]).update(suspect="outlier")
    small = {"n_estimators": 10, "max_depth": 3}
    model = RegisteredModel.objects.of_market(market.name)
    recipe = {"feature_set": TECHNICAL.name, "estimator": "xgboost", "params": small, "folds": 3}
    return learn(queue_run(market=market, model=model, actor="user:anna", **recipe), progress=lambda *_: None)


def test_the_report_says_how_many_rows_were_left_out(db, admin_client):
    version = trained(1_500, every=800)
    lost = TECHNICAL.window + 1
    assert version.metrics["dataset"]["dropped"]["suspect"] == lost
    assert version.metrics["dataset"]["rows"] == 1_500 - (TECHNICAL.window - 1) - 1 - lost
    assert f"{lost} suspect" in summary(version)
    page = admin_client.get(reverse("admin:registry_modelversion_change", args=[version.pk])).content.decode()
    assert f"kept, {lost} suspect, {TECHNICAL.window - 1} warm up, 1 no label dropped" in page


def test_it_is_refused_only_when_too_few_rows_are_left(db):
    with pytest.raises(Refused) as refusal:
        trained(1_500, every=110)
    assert refusal.value.code == "too_few_rows"
    assert TrainingRun.objects.get().status == "failed"
