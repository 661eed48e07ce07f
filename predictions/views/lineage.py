"""Everything behind one answer, over HTTP."""

from dataclasses import replace
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from predictions.lineage import lineage_of
from predictions.lineage_serializers import LineageSerializer
from predictions.models import PredictionQuerySet
from predictions.views.log import ReadsPredictions


class ShowLineage(ReadsPredictions):
    """From one answer to everything behind it: what the model saw, what it learnt from, and who let it answer."""

    def get_queryset(self) -> PredictionQuerySet:
        """Without joins: the log outlives what it points to."""
        return super().get_queryset().select_related(None)

    @extend_schema(responses=LineageSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        prediction = self.get_object()
        lineage = lineage_of(prediction)
        shown = lineage if self.shows_given(prediction) else replace(lineage, client_outcome=None)
        return Response(LineageSerializer(shown).data)
