"""Performance as JSON: null where nothing can be said, and never a share without its interval and its n."""

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from rest_framework import serializers

from monitoring.performance.chosen import Performance
from monitoring.performance.figure import Figure, Verdict
from monitoring.performance.figures import Bucket, CalibrationBin


class FigureSerializer(serializers.Serializer[Figure]):
    n = serializers.IntegerField(help_text="Settled outcomes that it is of.")
    value = serializers.FloatField(allow_null=True, help_text="Null below 30 outcomes, or where it has no meaning.")
    low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval; null where it cannot be told.")
    high = serializers.FloatField(allow_null=True)
    baseline = serializers.FloatField(
        allow_null=True, help_text="What the same outcomes would have given without a model."
    )
    verdict = serializers.ChoiceField(
        choices=[verdict.value for verdict in Verdict], help_text="`not_judged` below 100 outcomes."
    )


class CalibrationBinSerializer(serializers.Serializer[CalibrationBin]):
    n = serializers.IntegerField()
    probability = serializers.FloatField(help_text="Mean of what was said.")
    frequency = serializers.FloatField(help_text="Share that went up.")
    low = serializers.FloatField()
    high = serializers.FloatField()


class BucketSerializer(serializers.Serializer[Bucket]):
    start = serializers.FloatField(help_text="The least confidence in it.")
    end = serializers.FloatField(help_text="The greatest.")
    confidence = serializers.FloatField(help_text="Its mean.")
    hit_rate = FigureSerializer()


class StretchSerializer(serializers.Serializer[Performance]):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    first_as_of = serializers.SerializerMethodField(help_text="Of the closes that were answered and settled.")
    last_as_of = serializers.SerializerMethodField()
    complete = serializers.BooleanField(help_text="False where there are more than 20,000: the newest are told.")

    def get_first_as_of(self, performance: Performance) -> datetime | None:
        return _moment(performance.evidence.as_of, 0)

    def get_last_as_of(self, performance: Performance) -> datetime | None:
        return _moment(performance.evidence.as_of, -1)


class PerformanceSerializer(serializers.Serializer[Performance]):
    """The reply of GET /models/{name}/performance."""

    model = serializers.CharField(source="chosen.model.name")
    version = serializers.IntegerField(source="chosen.version", allow_null=True, help_text="Null: all of them.")
    role = serializers.CharField(source="chosen.role")
    market = serializers.CharField(source="chosen.model.market")
    horizon = serializers.IntegerField(source="chosen.model.horizon")
    simulated = serializers.BooleanField(help_text="Whether the market is.")
    window = StretchSerializer(source="*")
    n = serializers.IntegerField(help_text="Settled answers that called a direction, one a close.")
    abstained = serializers.IntegerField(help_text="Settled closes about which it said nothing; in the returns, cash.")
    why = serializers.CharField(allow_null=True, help_text="Why nothing is told or judged; null where it is.")
    hit_rate = FigureSerializer(source="figures.by_name.hit_rate", help_text="Beside the majority of the same.")
    balanced_accuracy = FigureSerializer(source="figures.by_name.balanced_accuracy", help_text="Beside one half.")
    brier = FigureSerializer(source="figures.by_name.brier", help_text="Beside the share of ups; less is better.")
    log_loss = FigureSerializer(source="figures.by_name.log_loss", help_text="Beside the same; less is better.")
    ece = FigureSerializer(
        source="figures.by_name.ece",
        help_text="Expected calibration error over ten bins, beside what luck gives a perfect forecaster.",
    )
    return_per_candle = FigureSerializer(
        source="figures.by_name.return_per_candle", help_text="Mean log return after costs, beside holding."
    )
    return_total = FigureSerializer(source="figures.by_name.return_total", help_text="Its sum, beside holding.")
    costs = serializers.DictField(child=serializers.FloatField(), help_text="Basis points per unit turned over.")
    calibration = CalibrationBinSerializer(source="figures.calibration", many=True)
    by_confidence = BucketSerializer(source="figures.by_confidence", many=True)


def _moment(as_of: NDArray[np.datetime64], place: int) -> datetime | None:
    if len(as_of) == 0:
        return None
    moment: datetime = as_of[place].astype(datetime)
    return moment.replace(tzinfo=UTC)
