"""Drift over HTTP: what the newest check found, one more, and the incidents."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cryptoml_site.errors import Unknown
from monitoring.drift.queueing import ask_for_check
from monitoring.drift.serializers import (
    AskedSerializer,
    CheckFilterSerializer,
    CheckSerializer,
    EventFilterSerializer,
    EventSerializer,
)
from monitoring.models import DriftCheck, DriftEvent
from predictions.callers import Caller
from predictions.models import Scope
from registry.models import RegisteredModel
from registry.pagination import NewestFirst
from registry.serializers.questions import asked

NOT_RUN = "not_run"


class DriftCheckView(APIView):
    """The newest check of a model, or the one of an id; POST runs one."""

    scopes = {"GET": (Scope.METRICS_READ, Scope.DRIFT_WRITE), "POST": (Scope.DRIFT_WRITE,)}

    @extend_schema(parameters=[CheckFilterSerializer], responses=CheckSerializer)
    def get(self, request: Request) -> Response:
        wanted = asked(CheckFilterSerializer, request)
        if "id" in wanted:
            return Response(CheckSerializer(_check_of_id(wanted["id"])).data)
        model = _model(wanted.get("model"))
        check = DriftCheck.objects.newest_of(model)
        return Response({"status": NOT_RUN, "model": model.name} if check is None else CheckSerializer(check).data)

    @extend_schema(request=AskedSerializer, responses={202: CheckSerializer})
    def post(self, request: Request) -> Response:
        body = AskedSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        check = ask_for_check(_model(body.validated_data.get("model")), actor=Caller.of(request).label)
        return Response(CheckSerializer(check).data, status=202)


def _check_of_id(pk: UUID) -> DriftCheck:
    check = DriftCheck.objects.select_related("model", "version").filter(pk=pk).first()
    if check is None:
        raise Unknown(f"there is no drift check {pk}", code="unknown_check", field="id")
    return check


def _model(name: str | None) -> RegisteredModel:
    if name:
        return RegisteredModel.objects.named(name)
    default = RegisteredModel.objects.filter(is_default=True).first()
    if default is None:
        raise Unknown("no model is the default one: say which", code="unknown_model", field="model")
    return default


class NewestEventsFirst(NewestFirst):
    ordering = "-id"


class ListDriftEvents(ListAPIView[DriftEvent]):
    """Incidents, newest first: a channel of a model from its first alarm until it was calm."""

    scopes = {"GET": (Scope.METRICS_READ, Scope.DRIFT_WRITE)}
    serializer_class = EventSerializer
    pagination_class = NewestEventsFirst
    queryset = DriftEvent.objects.select_related("model", "version")

    @extend_schema(parameters=[EventFilterSerializer])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def filter_queryset(self, queryset: QuerySet[DriftEvent, Any]) -> QuerySet[DriftEvent, Any]:
        wanted = asked(EventFilterSerializer, self.request)
        if "model" in wanted:
            queryset = queryset.filter(model=RegisteredModel.objects.named(wanted["model"]))
        if "state" in wanted:
            queryset = queryset.in_state(wanted["state"])  # type: ignore[attr-defined]
        return queryset
