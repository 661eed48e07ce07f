"""What HTTP makes of `Idempotency-Key`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
    inline_serializer,
)
from orjson import Fragment, loads
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from predictions.callers import Caller
from predictions.follower import follower
from predictions.idempotency import HEADER, SENT, AskedOnce, Done, KeyReused, UnderWay, first_reply
from registry.requests import REQUEST_ID

REPLAYED = "Idempotency-Replayed"


class Conflict(APIException):
    status_code = 409
    wait = 1  # seconds, in Retry-After


class Unprocessable(APIException):
    status_code = 422


@contextmanager
def refused_by_http() -> Iterator[None]:
    """What is refused within leaves with the status of its kind."""
    try:
        yield
    except UnderWay as refused:
        raise Conflict({HEADER: str(refused)}, code=refused.code) from refused
    except KeyReused as refused:
        raise Unprocessable({HEADER: str(refused)}, code=refused.code) from refused


class ProblemSerializer(serializers.Serializer[object]):
    code = serializers.CharField()
    detail = serializers.CharField()
    attr = serializers.CharField(allow_null=True)


REFUSAL = inline_serializer("Refusal", {"type": serializers.CharField(), "errors": ProblemSerializer(many=True)})
PARAMETERS = [
    OpenApiParameter(
        HEADER,
        str,
        OpenApiParameter.HEADER,
        description=(
            "A text of your own, new for each request, of at most 255 printable ASCII characters. Within 24 hours the "
            "same key and body give the first answer again, byte for byte. For callers that are known alone."
        ),
    ),
    OpenApiParameter(
        REPLAYED,
        str,
        OpenApiParameter.HEADER,
        description="`true` where the reply had been given before.",
        response=[200],
    ),
]
REFUSALS = {
    409: OpenApiResponse(
        REFUSAL,
        description="The state of things does not allow it; `idempotency_under_way`: a request with this key has not "
        "ended, ask again after Retry-After.",
    ),
    422: OpenApiResponse(REFUSAL, description="`idempotency_key_reused`: the key belongs to another body."),
}


class MovesOnce:
    """Before a view of the registry whose POST moves a version: done once for each `Idempotency-Key`.

    Its reply is {"model": NAME, "to": NUMBER, "request_id": TEXT, ...}.
    """

    renderer_classes: Any

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        move = partial(super().post, request, *args, **kwargs)  # type: ignore[misc]  # the view's
        if SENT not in request.META:
            response: Response = move()
            return response
        follower.check_reachable()
        asked = AskedOnce.of(request.data, Caller.of(request), request.META)
        with refused_by_http():
            stored, replayed = first_reply(asked, do=partial(self._moved, move))
        told = {REQUEST_ID: loads(stored.reply)["request_id"]} | ({REPLAYED: "true"} if replayed else {})
        return Response(Fragment(stored.reply), headers=told)

    def _moved(self, move: Any) -> Done:
        row = move().data
        return Done(self.renderer_classes[0]().render(row), row["model"], row["to"])


def once(view: type[APIView]) -> type[APIView]:
    """That view of the registry, which imports nothing from here, done once for each `Idempotency-Key`."""
    wrapped: type[APIView] = type(view.__name__, (MovesOnce, view), {"__doc__": view.__doc__})
    return extend_schema_view(post=extend_schema(parameters=PARAMETERS))(wrapped)
