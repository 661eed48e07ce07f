"""How a model's answers came true, over HTTP."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cryptoml_site.clock import now
from monitoring.metrics.asked import refuse_strangers
from monitoring.performance.chosen import DEFAULT_WINDOW, ROLES, Chosen, Performance
from monitoring.performance.serializers import PerformanceSerializer
from predictions.models import Scope
from registry.models import RegisteredModel

PARAMETERS = [
    OpenApiParameter("version", int, description="Of this version alone."),
    OpenApiParameter("role", str, enum=ROLES, default=ROLES[0], description="What its answers were computed as."),
    OpenApiParameter("window", str, default=DEFAULT_WINDOW, description="So many minutes, hours or days: 24h, 30d."),
    OpenApiParameter("market", str, description="The model's own; refused where the model has another."),
]


class ShowPerformance(APIView):
    """How answers from stored candles came true, one a close: each figure with its interval, its n and its baseline."""

    scopes = {"GET": (Scope.METRICS_READ,)}

    @extend_schema(parameters=PARAMETERS, responses=PerformanceSerializer)
    def get(self, request: Request, name: str) -> Response:
        refuse_strangers(request.query_params, [parameter.name for parameter in PARAMETERS])
        chosen = Chosen.of(RegisteredModel.objects.named(name), request.query_params)
        return Response(PerformanceSerializer(Performance.of(chosen, at=now())).data)
