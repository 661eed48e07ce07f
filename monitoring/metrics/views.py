"""Metrics over HTTP: JSON, a page for a browser, text for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from monitoring.metrics import asked
from monitoring.metrics.exposition import Counts
from monitoring.metrics.page import page
from monitoring.metrics.report import of_days
from monitoring.metrics.spans import Span, following
from monitoring.metrics.summary import of_stretch, of_window
from predictions.models import Scope

DAY = "24h"


class Renders(BaseRenderer):
    """What is rendered is a text; a refusal is JSON here too."""

    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        if renderer_context and renderer_context["response"].exception:
            renderer_context["response"]["Content-Type"] = "application/json"
            return orjson.dumps(data, default=str)
        return self.written(data)

    def written(self, data: Any) -> bytes:
        raise NotImplementedError


class OpenMetricsText(Renders):
    media_type = "application/openmetrics-text"
    format = "openmetrics"

    def written(self, data: Any) -> bytes:
        text: bytes = generate_openmetrics(Counts())  # type: ignore[no-untyped-call]
        return text


class PrometheusText(Renders):
    media_type = "text/plain"
    format = "prometheus"

    def written(self, data: Any) -> bytes:
        text: bytes = generate_latest(Counts())
        return text


class ReportPage(Renders):
    media_type = "text/html"
    format = "html"

    def written(self, data: Any) -> bytes:
        return page(data).encode()


class ShowMetrics(APIView):
    """Counts, confidence, response times, errors, accuracy and system of the newest stretch of time."""

    scopes = {"GET": (Scope.METRICS_READ,)}
    renderer_classes = (*APIView.renderer_classes, OpenMetricsText, PrometheusText)

    @extend_schema(
        parameters=[
            OpenApiParameter("model", description="Of this model alone."),
            OpenApiParameter("version", int, description="Of this version of the model alone."),
            OpenApiParameter("window", description="So many minutes, hours or days: 15m, 24h, 7d.", default=DAY),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        """Prometheus has all models, and all of the time: its queries choose."""
        params, written = request.query_params, content_type(request)
        asked.refuse_strangers(params, () if written else ("model", "version", "window"))
        if written:
            return Response(content_type=written)
        return Response(of_window(asked.window(params.get("window", DAY)), asked.choice(params)))


class ShowDay(APIView):
    """The same figures of one day of UTC."""

    scopes = {"GET": (Scope.METRICS_READ,)}

    @extend_schema(
        parameters=[OpenApiParameter("date", location="path", description="YYYYMMDD")], responses=OpenApiTypes.OBJECT
    )
    def get(self, request: Request, date: str) -> Response:
        asked.refuse_strangers(request.query_params, ())
        return Response(of_day(date))


class ShowReport(APIView):
    """Today and the days before it, with the trend against as many days before those."""

    scopes = {"GET": (Scope.METRICS_READ,)}
    renderer_classes = (APIView.renderer_classes[0], ReportPage)

    @extend_schema(
        parameters=[OpenApiParameter("days", int, description="From 1 to 365.", default=7)],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        asked.refuse_strangers(request.query_params, ("days",))
        return Response(of_days(asked.days(request.query_params.get("days", "7"))))


def content_type(request: Request) -> str | None:
    """Of a text for Prometheus; None where JSON or a page is wanted."""
    match request.accepted_renderer:
        case OpenMetricsText():
            return OPENMETRICS
        case PrometheusText():
            return CONTENT_TYPE_PLAIN_0_0_4
    return None


def of_day(date: str) -> dict[str, Any]:
    start = asked.day(date)
    return {"date": date, **of_stretch(start, following(start, Span.DAY))}
