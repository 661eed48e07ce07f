"""Answers over HTTP."""

from predictions.views.asking import Predict
from predictions.views.batch import PredictBatch
from predictions.views.forecasts import ShowLatestForecast
from predictions.views.lineage import ShowLineage
from predictions.views.log import ListPredictions, ShowPrediction
from predictions.views.outcome import GiveOutcome
from predictions.views.reload import Reload

__all__ = [
    "GiveOutcome",
    "ListPredictions",
    "Predict",
    "PredictBatch",
    "Reload",
    "ShowLatestForecast",
    "ShowLineage",
    "ShowPrediction",
]
