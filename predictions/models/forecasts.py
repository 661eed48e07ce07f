"""What the schedule forecast, and what it missed."""

from django.db import models
from django.db.models import Q

from cryptoml_site.clock import now
from registry.models import RegisteredModel


class Forecast(models.Model):
    """The schedule's claim on one close of one model, inserted in its prediction's transaction."""

    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="forecasts")
    as_of = models.DateTimeField()
    prediction_id = models.UUIDField()
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["-as_of"]
        constraints = [models.UniqueConstraint(fields=["model", "as_of"], name="one_forecast_per_model_and_close")]

    def __str__(self) -> str:
        return f"{self.model.name} as of {self.as_of:%Y-%m-%d %H:%M}"


class MissedForecast(models.Model):
    """A stretch of closes for which no forecast was made in time, and why. None is made afterwards: it would be no
    evidence."""

    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="missed_forecasts")
    first_as_of = models.DateTimeField()
    last_as_of = models.DateTimeField()
    closes = models.PositiveIntegerField(help_text="How many closes lie in the stretch.")
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["-first_as_of"]
        constraints = [
            models.UniqueConstraint(fields=["model", "first_as_of"], name="a_missed_close_is_said_once"),
            models.CheckConstraint(condition=Q(first_as_of__lte=models.F("last_as_of")), name="a_stretch_has_a_length"),
        ]

    def __str__(self) -> str:
        return f"{self.model.name}: {self.closes} closes from {self.first_as_of:%Y-%m-%d %H:%M}"
