"""Scheduled forecasts over HTTP, for those who poll."""

from django.http.response import HttpResponseBase, HttpResponseNotModified
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.http import parse_etags, quote_etag
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, InvalidFields, Problem
from predictions.latest_forecast import LatestForecast
from predictions.models import Scope
from predictions.serializers import AnswerSerializer
from predictions.views.answering import JSON

PARAMETERS = frozenset({"market", "model", "format"})
TELL_CALLERS_APART = ("X-API-Key", "Authorization", "Cookie")


class ForecastSerializer(AnswerSerializer):
    """A forecast that the schedule made."""

    class Meta(AnswerSerializer.Meta):
        fields = (*AnswerSerializer.Meta.fields, "market")


class ShowLatestForecast(APIView):
    """The newest forecast that the schedule made for a market, to be kept until the next close can be forecast."""

    scopes = {"GET": (Scope.PREDICT, Scope.PREDICTIONS_READ, Scope.PREDICTIONS_READ_ALL)}

    @extend_schema(
        parameters=[
            OpenApiParameter("market", required=True, description="Name of the market."),
            OpenApiParameter("model", description="Which model's; by default that of the market's name."),
        ],
        responses={
            200: ForecastSerializer,
            304: OpenApiResponse(description="The forecast that If-None-Match names is still the newest."),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        market = market_asked_for(request)
        latest = LatestForecast.of(market, model=request.query_params.get("model", market))
        etag = etag_of(request, latest)
        unchanged = etag is not None and is_held(etag, request)
        response: HttpResponseBase = (
            HttpResponseNotModified() if unchanged else Response(ForecastSerializer(latest.prediction()).data)
        )
        patch_cache_control(response, private=True, max_age=latest.seconds_to_next(now()))
        patch_vary_headers(response, TELL_CALLERS_APART)
        if etag:
            response.headers["ETag"] = etag
        return response


def is_held(etag: str, request: Request) -> bool:
    """Whether If-None-Match names it; compared weakly, as RFC 9110 asks (13.1.2)."""
    held = parse_etags(request.headers.get("If-None-Match", ""))
    return held == ["*"] or etag in (each.removeprefix("W/") for each in held)


def etag_of(request: Request, latest: LatestForecast) -> str | None:
    """A forecast never changes, so its id tells it; a page for people, with a form in it, is never the same twice."""
    media_type: str = getattr(request, "accepted_media_type", "")
    return quote_etag(str(latest.prediction_id)) if media_type == JSON else None


def market_asked_for(request: Request) -> str:
    """Raises Invalid where none is, or a parameter is not known: ignored, it would get another answer than it means."""
    strangers = [
        Problem("unknown_filter", name, f"there is no parameter '{name}': send market, and model where it has several")
        for name in request.query_params
        if name not in PARAMETERS
    ]
    if strangers:
        raise InvalidFields(strangers)
    market: str = request.query_params.get("market", "")
    if not market:
        raise Invalid("'market' is missing: GET /markets names them all", code="missing_field", field="market")
    return market
