"""The newest forecast that the schedule made, for those who poll."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Subquery

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, Unknown
from predictions.engine import engine
from predictions.models import Forecast, Prediction
from registry.models import RegisteredModel
from training.models import Market


@dataclass(frozen=True, slots=True)
class LatestForecast:
    """Which forecast is the newest, and of what; its row in the log is read when it is asked for."""

    market: Market
    model: str
    as_of: datetime
    prediction_id: UUID

    @classmethod
    def of(cls, market: str, *, model: str) -> LatestForecast:
        """Raises Unknown where the market or the model is, or none was made yet, Invalid for another market's model.

        Unavailable where the model gives no answers, suspended or expired: what it said before is in the log, and to be
        relied on no more.
        """
        engine.snapshot.check_not_silent(model, at=now())
        asked = RegisteredModel.objects.filter(name=model, market=market).values("pk")
        made = Forecast.objects.filter(model=Subquery(asked[:1])).order_by("-as_of")  # by index: one row is read
        found: Any = Market.objects.annotate(
            forecast_as_of=Subquery(made.values("as_of")[:1]), forecast_id=Subquery(made.values("prediction_id")[:1])
        ).named(market)
        if found.forecast_id is None:
            raise _reason_for_none(found, model)
        return cls(found, model, found.forecast_as_of, found.forecast_id)

    def seconds_to_next(self, moment: datetime) -> int:
        """Whole seconds until the market's next close can have been forecast; 1 when it is overdue."""
        next_close = self.market.known_at(self.as_of + self.market.step)
        return max(1, math.ceil((next_close - moment).total_seconds()))

    def prediction(self) -> Prediction:
        """Raises Unknown where the log does not reach back so far."""
        rows = Prediction.objects.select_related("model", "version")
        try:
            return rows.get(pk=self.prediction_id)
        except Prediction.DoesNotExist:
            raise _no_forecast(f"the newest forecast of {self.model} is no longer in the log") from None


def _reason_for_none(market: Market, model: str) -> Unknown | Invalid:
    registered = RegisteredModel.objects.named(model)
    if registered.market != market.name:
        return Invalid(
            f"model {registered} forecasts {registered.market}, not {market}",
            code="model_of_another_market",
            field="model",
        )
    return _no_forecast(f"no forecast was made by {model} yet: one is made at each close of {market}")


def _no_forecast(sentence: str) -> Unknown:
    return Unknown(sentence, code="no_forecast_yet")
