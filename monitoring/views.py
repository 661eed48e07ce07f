"""Is it well? Open to everybody, so nothing secret is said here."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from monitoring.health import Health as HealthReport
from monitoring.health import examine


class HealthSerializer(serializers.Serializer[dict[str, Any]]):
    status = serializers.ChoiceField(choices=["ok", "degraded"])
    generation = serializers.IntegerField()
    models = serializers.DictField()
    dependencies = serializers.DictField()
    degraded = serializers.ListField(child=serializers.CharField(), help_text="What is wrong, a sentence each.")
    log = serializers.DictField(help_text="Its writers, whether answers go to the spool and why, what waits there.")
    rate_limit = serializers.ChoiceField(choices=["ok", "local"], help_text="local: of this process alone.")
    keys = serializers.DictField(help_text="Seconds since Postgres confirmed the API keys.")
    workers = serializers.ListField(help_text="The living web processes: generation, its lag, rows in the spool.")
    background = serializers.DictField(help_text="Beat and the workers: how long ago each was seen, what it is at.")
    system = serializers.DictField()


class LiveSerializer(serializers.Serializer[dict[str, Any]]):
    status = serializers.CharField()


class ReadySerializer(LiveSerializer):
    reasons = serializers.ListField(child=serializers.CharField())


class Open(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)


class Health(Open):
    """Status, served models with their generation, each dependency, cpu, memory, disk, uptime."""

    @extend_schema(responses=HealthSerializer)
    def get(self, request: Request) -> Response:
        return Response(examine().as_json())


class Live(Open):
    """200 as long as the process answers at all."""

    throttle_classes = ()  # or who asks too much elsewhere from this address would stop the probe

    @extend_schema(responses=LiveSerializer)
    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})


class Ready(Open):
    """200 when this process can answer durably, in the log or in the spool; 503 otherwise, with the reasons."""

    throttle_classes = ()  # as Live

    @extend_schema(responses={200: ReadySerializer, 503: ReadySerializer})
    def get(self, request: Request) -> Response:
        report: HealthReport = examine()
        body = {"status": "ok" if report.ready else "unavailable", "reasons": report.degraded}
        return Response(body, status=200 if report.ready else 503)
