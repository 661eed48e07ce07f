"""A client's own outcome of an answer to its features."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from predictions.callers import Caller
from predictions.models import ClientOutcome, Prediction, PredictionQuerySet, Scope
from predictions.outcomes import Given
from predictions.serializers import ClientOutcomeSerializer, GivenOutcomeSerializer
from predictions.told import told

SAME = "The same was given before: nothing changed."
REFUSED = "`market_settles`: a market of ours settles this answer; `outcome_given`: another outcome was given."


class GiveOutcome(GenericAPIView[Any]):
    """How an answer to your own features turned out. Shown to you beside the answer; it judges no version."""

    scopes = {"POST": (Scope.PREDICT,)}
    serializer_class = GivenOutcomeSerializer
    example = {"log_return": 0.012}

    def get_queryset(self) -> PredictionQuerySet:
        """The caller's own: who may read everybody's answers cannot say how they turned out."""
        caller = Caller.of(self.request)
        if caller.key:
            return Prediction.objects.filter(key=caller.key.pk)
        return Prediction.objects.filter(key=None, actor=caller.label) if caller.user else Prediction.objects.none()

    @extend_schema(
        request=GivenOutcomeSerializer,
        responses={
            201: ClientOutcomeSerializer,
            200: OpenApiResponse(ClientOutcomeSerializer, SAME),
            409: OpenApiResponse(description=REFUSED),
        },
    )
    def post(self, request: Request, pk: UUID) -> Response:
        prediction = self.get_object()
        outcome, new = ClientOutcome.objects.give(prediction, actor=Caller.of(request).label, **told(request.data))
        return Response(ClientOutcomeSerializer(Given(outcome, prediction)).data, status=201 if new else 200)
