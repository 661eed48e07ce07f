"""Answers: each one durable, traceable to what gave it, and bound to who asked."""

from predictions.models.client_outcomes import ClientOutcome
from predictions.models.forecasts import Forecast, MissedForecast
from predictions.models.idempotent_replies import IdempotentReply, IdempotentReplyQuerySet
from predictions.models.keys import ApiKey, Scope, check_scopes
from predictions.models.late_minutes import DroppedMonth, LateMinute
from predictions.models.log import NOVEL_INPUT, Prediction, PredictionQuerySet
from predictions.models.processes import WebProcess
from predictions.models.response_minutes import ResponseMinute, ResponseMinuteQuerySet

__all__ = [
    "NOVEL_INPUT",
    "ApiKey",
    "ClientOutcome",
    "DroppedMonth",
    "Forecast",
    "IdempotentReply",
    "IdempotentReplyQuerySet",
    "LateMinute",
    "MissedForecast",
    "Prediction",
    "PredictionQuerySet",
    "ResponseMinute",
    "ResponseMinuteQuerySet",
    "Scope",
    "WebProcess",
    "check_scopes",
]
