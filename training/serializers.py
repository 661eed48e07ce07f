"""Market data as clients see it."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from training.models import Candle, Market


class MarketSerializer(serializers.ModelSerializer[Market]):
    simulated = serializers.BooleanField()
    candles = serializers.IntegerField(source="candle_count")
    first = serializers.DateTimeField(source="first_opened_at", allow_null=True)
    newest = serializers.DateTimeField(source="newest_opened_at", allow_null=True)
    missing = serializers.SerializerMethodField(help_text="Candles absent between the first and the newest.")
    stale = serializers.SerializerMethodField()

    class Meta:
        model = Market
        fields = (
            "name",
            "coin",
            "currency",
            "interval",
            "source",
            "simulated",
            "candles",
            "first",
            "newest",
            "missing",
            "stale",
        )

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


class CandleSerializer(serializers.ModelSerializer[Candle]):
    class Meta:
        model = Candle
        fields = ("opened_at", "open", "high", "low", "close", "volume", "market_cap", "revision")
