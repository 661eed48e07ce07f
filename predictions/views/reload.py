"""Looking at the ledger now."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from predictions.engine import engine
from predictions.models import Scope
from predictions.serializers import ReloadSerializer


class Reload(APIView):
    """Make the worker that takes this request look at the ledger now."""

    scopes = {"POST": (Scope.REGISTRY_READ, Scope.PREDICT)}

    @extend_schema(request=None, responses=ReloadSerializer)
    def post(self, request: Request) -> Response:
        before = engine.snapshot.generation
        return Response({"before": before, "after": engine.refresh().generation})
