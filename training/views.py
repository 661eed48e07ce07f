"""What data we hold, over HTTP."""

from django.db.models import Count, Min, QuerySet
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination

from training.models import Candle, Market
from training.serializers import CandleSerializer, MarketSerializer


class ListMarkets(ListAPIView[Market]):
    """Every market: its source, how many candles, how fresh, how many are missing in between."""

    scopes = {"GET": ("registry:read", "predict")}
    serializer_class = MarketSerializer
    queryset = (
        Market.objects.with_newest()
        .annotate(candle_count=Count("candles"), first_opened_at=Min("candles__opened_at"))
        .order_by("name")
    )


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
