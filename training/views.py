"""What data we hold, over HTTP."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.pagination import CursorPagination

from cryptoml_site.clock import now
from training.market_data.quality import quality_of
from training.models import Candle, Market
from training.serializers import CandleSerializer, MarketQualitySerializer, MarketSerializer


class ListMarkets(ListAPIView[Market]):
    """Every market: its source, how many candles, how fresh, how many are missing in between, suspect or revised."""

    scopes = {"GET": ("registry:read", "predict")}
    serializer_class = MarketSerializer
    queryset = Market.objects.with_newest().with_counts().order_by("name")


class ShowMarket(RetrieveAPIView[Market]):
    """One market: what is missing, absent, not believed or revised, and why no answer can be given from it now."""

    scopes = {"GET": ("registry:read", "predict")}
    serializer_class = MarketQualitySerializer

    def get_object(self) -> Market:
        market: Any = Market.objects.with_newest().with_counts().named(self.kwargs["name"])
        market.quality = quality_of(market, at=now())
        found: Market = market
        return found


class NewestCandlesFirst(CursorPagination):
    ordering = "-opened_at"
    page_size = 100
    page_size_query_param = "limit"
    max_page_size = 1000


class ListCandles(ListAPIView[Candle]):
    """A market's candles, newest first."""

    scopes = {"GET": ("registry:read", "predict")}
    serializer_class = CandleSerializer
    pagination_class = NewestCandlesFirst

    def get_queryset(self) -> QuerySet[Candle]:
        if getattr(self, "swagger_fake_view", False):
            return Candle.objects.none()
        return Market.objects.named(self.kwargs["name"]).candles.all()
