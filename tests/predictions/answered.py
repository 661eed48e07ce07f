"""Versions of every kind of estimator, and answers of theirs by the real way in."""

from io import BytesIO

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from predictions.engine import engine
from predictions.models import Prediction
from registry.models import RegisteredModel
from registry.uploads import queue_import
from training.datasets import build_dataset
from training.features.feature_set import feature_set
from training.fitting.estimators import ESTIMATORS
from training.fitting.tasks import import_model
from training.learning import learn, queue_run
from training.market_data.parsed import ParsedCandle
from training.market_data.simulate import simulate_candles
from training.market_data.store import store_candles
from training.models import Market

CLASSIC = feature_set("classic")
HOURS = 1_200
HOURLY = "demo-usd-1h"
SMALL = {
    "xgboost": {"n_estimators": 10},
    "random_forest": {"n_estimators": 20},
    "logistic": {},
    "ensemble": {"xgboost__n_estimators": 10, "random_forest__n_estimators": 20},
}
LOGISTIC = "imported logistic regression"
KINDS = [*ESTIMATORS, LOGISTIC]


def version_of(kind):
    """A version of that kind in production on a simulated market, and known to this process."""
    simulate_candles(HOURLY, candles=HOURS, seed=7, signal=0.3)
    model = RegisteredModel.objects.of_market(HOURLY)
    model.make_default()
    version = _imported(model) if kind == LOGISTIC else _trained(model, kind)
    version.promote(actor="user:operator", reason="a test", override=True)
    engine.refresh()
    return version


def _trained(model, estimator):
    run = queue_run(
        market=Market.objects.named(HOURLY),
        model=model,
        feature_set="classic",
        estimator=estimator,
        actor="user:anna",
        params=SMALL[estimator],
        folds=2,
    )
    return learn(run, progress=lambda *_: None)


def _imported(model):
    dataset = build_dataset(Market.objects.named(HOURLY).candles.series(interval=3_600), CLASSIC, horizon=1)
    file = BytesIO()
    joblib.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(dataset.X, dataset.y), file)
    brought = queue_import(model, name="a.joblib", data=file.getvalue(), actor="user:anna", trusted=True)
    import_model(brought.pk)
    return model.versions.get()


def rows_like_the_markets(count, *, seed=0):
    """Vectors near those that the version learnt from."""
    rng = np.random.default_rng(seed)
    newest = CLASSIC.newest(Market.objects.named(HOURLY).candles.series(interval=3_600))
    return (newest * rng.normal(1, 0.02, size=(count, len(newest)))).tolist()


def ask(client, body, path="/predict"):
    reply = client.post(path, body, format="json")
    assert reply.status_code == 200, reply.content
    return reply.json()


def ask_for(client, body):
    """The row of the log that one answer left."""
    return Prediction.objects.get(pk=ask(client, body)["id"])


def revise(market, opened_at, **figures):
    """As its source would: what the candle said before is kept."""
    held = market.candles.get(opened_at=opened_at)
    facts = {name: getattr(held, name) for name in ParsedCandle._fields} | figures
    store_candles(market, [ParsedCandle(**facts)])
