"""Which versions exist, which one answers, and what the ledger says, over HTTP."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid
from registry.comparison import feature_changes, side_by_side
from registry.models import Deployment, RegisteredModel
from registry.pagination import NewestFirst
from registry.serializers import DeploymentSerializer, ModelSerializer, ModelSummarySerializer, RegistrySerializer
from registry.serializers.questions import ComparedSerializer, MomentSerializer, asked
from registry.serializers.rows import ComparisonSerializer

READ = ("registry:read", "predict")  # whoever may ask for an answer may see what would give it


class ListModels(ListAPIView[RegisteredModel]):
    """Every registered model with its versions, newest first."""

    scopes = {"GET": READ}
    serializer_class = ModelSummarySerializer
    queryset = RegisteredModel.objects.prefetch_related("versions")


class ShowModel(RetrieveAPIView[RegisteredModel]):
    """One model: its signature (what to send), what is in production, and its versions."""

    scopes = {"GET": READ}
    serializer_class = ModelSerializer

    def get_object(self) -> RegisteredModel:
        queryset: QuerySet[RegisteredModel] = RegisteredModel.objects.prefetch_related("versions")
        model: RegisteredModel = queryset.named(self.kwargs["name"])  # type: ignore[attr-defined]
        return model


class ShowRegistry(APIView):
    """What is in production for each model, since when, by whom and why; or what was, at a moment."""

    scopes = {"GET": READ}

    @extend_schema(
        parameters=[OpenApiParameter("at", OpenApiTypes.DATETIME, description="A past moment, as ISO 8601; now.")],
        responses=RegistrySerializer,
    )
    def get(self, request: Request) -> Response:
        at = asked(MomentSerializer, request).get("at")
        if at is not None and at > now():
            raise Invalid("'at' lies ahead: the ledger knows the past", code="at_lies_ahead", field="at")
        known = Deployment.objects.known(at)
        body = {
            "generation": known.newest_generation(),
            "at": at or now(),
            "models": known.in_force(),
            "suspended": set(known.suspensions().values_list("model", flat=True)),
        }
        return Response(RegistrySerializer(body, context=body).data)


class NewestGenerationFirst(NewestFirst):
    ordering = "-generation"


class ListDeployments(ListAPIView[Deployment]):
    """The ledger of a model, newest first: who did what, when and why, and what the gates said."""

    scopes = {"GET": ("registry:read",)}
    serializer_class = DeploymentSerializer
    pagination_class = NewestGenerationFirst
    queryset = Deployment.objects.select_related("model", "from_version", "to_version")

    def filter_queryset(self, queryset: QuerySet[Deployment, Any]) -> QuerySet[Deployment, Any]:
        return super().filter_queryset(queryset.filter(model=RegisteredModel.objects.named(self.kwargs["name"])))


class CompareVersions(APIView):
    """Two versions of a model side by side, by figure and then by number; and what clients would have to change."""

    scopes = {"GET": READ}

    @extend_schema(
        parameters=[OpenApiParameter(name, int, required=True, description="A version's number.") for name in "ab"],
        responses=ComparisonSerializer,
    )
    def get(self, request: Request, name: str) -> Response:
        model = RegisteredModel.objects.named(name)
        numbers = asked(ComparedSerializer, request)
        first, second = (model.versions.select_related("model").numbered(numbers[which]) for which in "ab")
        figures = {
            figure: {str(number): value for number, value in sides.items()}  # JSON's names are text
            for figure, sides in side_by_side(first, second).items()
        }
        return Response({"model": model.name, "figures": figures, "features": feature_changes(first, second)})
