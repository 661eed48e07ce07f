"""Answers over HTTP."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import APIException
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cryptoml_site.errors import Invalid, InvalidFields, Problem
from predictions.answering import Asked, answer
from predictions.engine import engine
from predictions.filters import PredictionFilter
from predictions.models import ApiKey, Prediction, PredictionQuerySet, Scope
from predictions.permissions import holds, label
from predictions.serializers import AnswerSerializer, PredictionSerializer, PredictSerializer, ReloadSerializer
from training.features.classic import EXAMPLE


class LengthRequired(APIException):
    status_code = 411
    default_code = "length_required"


class Predict(APIView):
    """Ask for one answer; it is in the log before it leaves."""

    scopes = {"POST": (Scope.PREDICT,)}
    example = EXAMPLE  # what the browsable page's form begins with

    @extend_schema(
        request=PredictSerializer,
        responses=AnswerSerializer,
        examples=[
            OpenApiExample("features of the default model, flat", value=EXAMPLE, request_only=True),
            OpenApiExample("newest candles of a market", value={"market": "demo-usd-1m"}, request_only=True),
            OpenApiExample(
                "features of a model", value={"model": "bitcoin-usd-1d", "features": EXAMPLE}, request_only=True
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
            raise LengthRequired("send the body with a Content-Length, not in chunks")
        if request.stream is None:
            raise Invalid("the body is empty: send features, or a market", code="empty_body")
        key = request.auth if isinstance(request.auth, ApiKey) else None
        given = answer(Asked.parse(request.data), key=key, actor=label(request))
        return Response(AnswerSerializer(given).data)


class NewestFirst(CursorPagination):
    ordering = "-id"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 1000


class ReadsPredictions(GenericAPIView[Prediction]):
    """A key sees its own answers only, unless it may read all."""

    scopes = {"GET": (Scope.PREDICTIONS_READ, Scope.PREDICTIONS_READ_ALL)}
    serializer_class = PredictionSerializer

    def get_queryset(self) -> PredictionQuerySet:
        rows = Prediction.objects.select_related("model", "version", "key")
        if holds(self.request, Scope.PREDICTIONS_READ_ALL):
            return rows
        return rows.of_key(self.request.auth) if isinstance(self.request.auth, ApiKey) else rows.none()


class ListPredictions(ReadsPredictions, ListAPIView[Prediction]):
    """The prediction log, newest first; pages by cursor, so that it stays quick however long the log."""

    pagination_class = NewestFirst
    filterset_class = PredictionFilter

    def filter_queryset(self, queryset: QuerySet[Prediction, Any]) -> QuerySet[Prediction, Any]:
        """A filter that there is not is refused: ignored, it would answer with everybody's rows."""
        known = {*PredictionFilter.base_filters, "limit", "cursor", "format"}
        strangers = [
            Problem("unknown_filter", name, f"there is no filter '{name}'")
            for name in self.request.GET
            if name not in known
        ]
        if strangers:
            raise InvalidFields(strangers)
        return super().filter_queryset(queryset)


class ShowPrediction(ReadsPredictions, RetrieveAPIView[Prediction]):
    """One answer, found again by its id."""


class Reload(APIView):
    """Make the worker that takes this request look at the ledger now."""

    scopes = {"POST": (Scope.REGISTRY_READ, Scope.PREDICT)}

    @extend_schema(request=None, responses=ReloadSerializer)
    def post(self, request: Request) -> Response:
        before = engine.snapshot.generation
        return Response({"before": before, "after": engine.refresh().generation})
