"""Market data as clients see it."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from training.market_data.missing import Stretch
from training.market_data.quality import QualityReport
from training.market_data.sources.catalogue import attribution_of
from training.models import Candle, Market


class MarketSerializer(serializers.ModelSerializer[Market]):
    simulated = serializers.BooleanField()
    candles = serializers.IntegerField(source="candle_count")
    first = serializers.DateTimeField(source="first_opened_at", allow_null=True)
    newest = serializers.DateTimeField(source="newest_opened_at", allow_null=True)
    missing = serializers.SerializerMethodField(help_text="Candles absent between the first and the newest.")
    stale = serializers.SerializerMethodField()
    suspect = serializers.IntegerField(
        source="suspect_count",
        help_text="Candles whose close is not believed: nothing is learnt or answered from them.",
    )
    revised = serializers.IntegerField(source="revised_count", help_text="Candles that their source changed.")
    attribution = serializers.SerializerMethodField(help_text="What to show beside its data, where its source asks so.")

    class Meta:
        model = Market
        fields: tuple[str, ...] = (
            "name",
            "coin",
            "currency",
            "interval",
            "source",
            "attribution",
            "simulated",
            "candles",
            "first",
            "newest",
            "missing",
            "stale",
            "suspect",
            "revised",
        )

    def get_attribution(self, market: Market) -> str:
        return attribution_of(market.source)

    def get_missing(self, market: Any) -> int:
        if market.first_opened_at is None:
            return 0
        expected = (market.newest_opened_at - market.first_opened_at) // market.step + 1
        return int(expected - market.candle_count)

    def get_stale(self, market: Any) -> bool:
        newest: datetime | None = market.newest_opened_at
        if newest is None:
            return True
        try:
            market.check_fresh(newest, at=now())
        except Refused:
            return True
        return False


class GapSerializer(serializers.Serializer[Stretch]):
    first_missing = serializers.DateTimeField(source="start")
    candles = serializers.IntegerField()


class SuspectSerializer(serializers.ModelSerializer[Candle]):
    close_before = serializers.FloatField(allow_null=True)
    close_after = serializers.FloatField(allow_null=True)

    class Meta:
        model = Candle
        fields = ("opened_at", "suspect", "close_before", "close", "close_after", "cleared")


class RevisedSerializer(serializers.ModelSerializer[Candle]):
    first_seen_sha256 = serializers.CharField(help_text="Of the figures that were stored first.")

    class Meta:
        model = Candle
        fields = ("opened_at", "revision", "stored_at", "first_seen_sha256")


class QualitySerializer(serializers.Serializer[QualityReport]):
    """Lists hold the newest twenty; counts are of all."""

    refused = serializers.ListField(
        child=serializers.CharField(), help_text="Why no answer is given from the newest candles, if none is."
    )
    gaps = serializers.IntegerField(source="gap_count", help_text="Holes between the first and the newest candle.")
    newest_gaps = GapSerializer(many=True)
    volumes_absent = serializers.IntegerField()
    cleared = serializers.IntegerField(
        source="cleared_count", help_text="Suspect candles of which a person said that they are right."
    )
    suspects = SuspectSerializer(many=True, help_text="Cleared ones too.")
    revisions = serializers.IntegerField()
    revised_at = serializers.DateTimeField(allow_null=True, help_text="When the source changed a candle last.")
    revised = RevisedSerializer(many=True)


class MarketQualitySerializer(MarketSerializer):
    quality = QualitySerializer()

    class Meta(MarketSerializer.Meta):
        fields = (*MarketSerializer.Meta.fields, "quality")


class CandleSerializer(serializers.ModelSerializer[Candle]):
    class Meta:
        model = Candle
        fields = (
            "opened_at",
            "open",
            "high",
            "low",
            "close",
            "volume",
            "market_cap",
            "revision",
            "suspect",
            "cleared",
        )
