"""Alerts over HTTP."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring.alerts.serializers import AlertFilterSerializer, AlertSerializer
from monitoring.models import Alert
from predictions.models import Scope
from registry.pagination import NewestFirst
from registry.serializers.questions import asked


class NewestAlertsFirst(NewestFirst):
    ordering = "-id"


class ListAlerts(ListAPIView[Alert]):
    """What is wrong now, and what was: newest first."""

    scopes = {"GET": (Scope.METRICS_READ,)}
    serializer_class = AlertSerializer
    pagination_class = NewestAlertsFirst
    queryset = Alert.objects.select_related("rule")

    @extend_schema(parameters=[AlertFilterSerializer])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def filter_queryset(self, queryset: QuerySet[Alert, Any]) -> QuerySet[Alert, Any]:
        wanted = asked(AlertFilterSerializer, self.request)
        if "severity" in wanted:
            queryset = queryset.filter(severity=wanted["severity"])
        if "state" in wanted:
            queryset = queryset.in_state(wanted["state"])  # type: ignore[attr-defined]
        return queryset
