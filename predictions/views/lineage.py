"""Everything behind one answer, over HTTP."""

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
        return Response(LineageSerializer(lineage_of(self.get_object())).data)
