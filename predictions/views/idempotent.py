"""What HTTP makes of `Idempotency-Key`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import APIException

from predictions.idempotency import HEADER, KeyReused, UnderWay

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
