"""Answers over HTTP."""

from predictions.views.asking import Predict
from predictions.views.log import ListPredictions, ShowPrediction
from predictions.views.reload import Reload

__all__ = ["ListPredictions", "Predict", "Reload", "ShowPrediction"]
