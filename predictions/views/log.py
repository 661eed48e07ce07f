"""The log over HTTP."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView

from cryptoml_site.errors import InvalidFields, Problem
from predictions.callers import Caller
from predictions.filters import PredictionFilter
from predictions.models import Prediction, PredictionQuerySet, Scope
from predictions.serializers import PredictionSerializer, ShownPredictionSerializer
from registry.pagination import NewestFirst


class NewestAnswersFirst(NewestFirst):
    ordering = "-id"


class ReadsPredictions(GenericAPIView[Prediction]):
    """A key sees its own answers only, unless it may read all."""

    scopes = {"GET": (Scope.PREDICTIONS_READ, Scope.PREDICTIONS_READ_ALL)}
    serializer_class = PredictionSerializer

    def get_queryset(self) -> PredictionQuerySet:
        rows = Prediction.objects.select_related("model", "version", "key")
        caller = Caller.of(self.request)
        if caller.may(Scope.PREDICTIONS_READ_ALL):
            return rows
        return rows.filter(key=caller.key.pk) if caller.key else rows.none()

    def shows_given(self, prediction: Prediction) -> bool:
        """Whether the caller is told what a client said of this answer: that client is, and staff."""
        caller = Caller.of(self.request)
        return caller.user is not None or (caller.key is not None and caller.key.pk == prediction.key_id)


class ListPredictions(ReadsPredictions, ListAPIView[Prediction]):
    """The prediction log, newest first; pages by cursor, so that it stays quick however long the log."""

    pagination_class = NewestAnswersFirst
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

    serializer_class = ShownPredictionSerializer
