from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from predictions.models import Forecast, MissedForecast, Prediction
from predictions.outcomes import outcomes_of, said
from registry.admin.lists import LogAdmin


@admin.register(Forecast)
class ForecastAdmin(LogAdmin[Forecast]):
    """What the schedule forecast at each close, and how it turned out."""

    owner, moment = "model", "as_of"
    list_display = ("as_of", "model", "answer", "target_at", "turned_out", "created_at", "prediction")
    list_filter = ("model",)
    list_select_related = ("model",)
    fields = ("model", "as_of", "answer", "target_at", "turned_out", "created_at", "prediction")

    def dressed(self, rows: Sequence[Forecast]) -> Sequence[Forecast]:
        made = Prediction.objects.in_bulk([row.prediction_id for row in rows])
        outcomes = outcomes_of(made.values())
        for row in rows:
            row.made, row.outcome = made.get(row.prediction_id), outcomes.get(row.prediction_id)  # type: ignore[attr-defined]
        return rows

    def get_object(self, *args: Any, **kwargs: Any) -> Forecast | None:
        found = super().get_object(*args, **kwargs)
        return found and self.dressed([found])[0]

    @admin.display(description="forecast", empty_value="no longer in the log")
    def answer(self, row: Any) -> str | None:
        made: Prediction | None = row.made
        return made.call if made else None

    @admin.display(description="target closes", empty_value="-")
    def target_at(self, row: Any) -> str | None:
        return f"{row.made.target_at:%Y-%m-%d %H:%M:%S}" if row.made and row.made.target_at else None

    @admin.display(description="turned out", empty_value="-")
    def turned_out(self, row: Any) -> str | None:
        return row.made and said(row.made, row.outcome)

    @admin.display(description="prediction")
    def prediction(self, row: Any) -> SafeString:
        url = reverse("admin:predictions_prediction_change", args=[row.prediction_id])
        return format_html('<a href="{}">{}</a>', url, row.prediction_id)


@admin.register(MissedForecast)
class MissedForecastAdmin(LogAdmin[MissedForecast]):
    """Closes for which no forecast was made in time. None is made afterwards: it would be no evidence."""

    owner, moment = "model", "first_as_of"
    list_display = ("first_as_of", "last_as_of", "closes", "model", "reason", "created_at")
    list_filter = ("model", ("model__market", admin.AllValuesFieldListFilter))
    list_select_related = ("model",)
