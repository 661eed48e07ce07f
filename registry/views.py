"""Which versions exist, and which one answers, over HTTP."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cryptoml_site.clock import now
from registry.models import Deployment, RegisteredModel
from registry.serializers import ModelSerializer, ModelSummarySerializer, RegistrySerializer

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
    """What is in production for each model, since when, by whom and why."""

    scopes = {"GET": READ}

    @extend_schema(responses=RegistrySerializer)
    def get(self, request: Request) -> Response:
        in_force = Deployment.objects.in_force()
        body = {"generation": Deployment.objects.newest_generation(), "at": now(), "models": in_force}
        return Response(RegistrySerializer(body).data)
