"""What data we hold, over HTTP."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from rest_framework.request import Request

from cryptoml_site.clock import now
from cryptoml_site.errors import InvalidFields, Problem
from registry.pagination import NewestFirst
from training.market_data.quality import quality_of
from training.models import Candle, Market
from training.serializers import CandleSerializer, MarketQualitySerializer, MarketSerializer


class Reads(GenericAPIView[Any]):
    """A parameter that there is not is refused: ignored, it would get another answer than it means."""

    parameters: frozenset[str] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        known = {*self.parameters, "format"}
        strangers = [
            Problem("unknown_filter", name, f"there is no parameter '{name}' here, but {', '.join(sorted(known))}")
            for name in request.query_params
            if name not in known
        ]
        if strangers:
            raise InvalidFields(strangers)


class ListMarkets(Reads, ListAPIView[Market]):
    """Every market: its source, how many candles, how fresh, how many are missing in between, suspect or revised."""

    scopes = {"GET": ("registry:read", "predict")}
    serializer_class = MarketSerializer
    queryset = Market.objects.with_newest().with_counts().order_by("name")
    parameters = frozenset({"page"})


class ShowMarket(Reads, RetrieveAPIView[Market]):
    """One market: what is missing, absent, not believed or revised, and why no answer can be given from it now."""

    scopes = {"GET": ("registry:read", "predict")}
    serializer_class = MarketQualitySerializer

    def get_object(self) -> Market:
        market: Any = Market.objects.with_newest().with_counts().named(self.kwargs["name"])
        market.quality = quality_of(market, at=now())
        found: Market = market
        return found


class NewestCandlesFirst(NewestFirst):
    ordering = "-opened_at"
    page_size = 100


class ListCandles(Reads, ListAPIView[Candle]):
    """A market's candles, newest first."""

    scopes = {"GET": ("registry:read", "predict")}
    serializer_class = CandleSerializer
    pagination_class = NewestCandlesFirst
    parameters = frozenset({"limit", "cursor"})

    def get_queryset(self) -> QuerySet[Candle]:
        if getattr(self, "swagger_fake_view", False):
            return Candle.objects.none()
        return Market.objects.named(self.kwargs["name"]).candles.all()
