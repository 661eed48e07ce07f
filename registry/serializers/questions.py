"""What is asked in a URL's query."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from registry.serializers.moves import LARGEST, StrictSerializer


class MomentSerializer(StrictSerializer):
    at = serializers.DateTimeField(required=False)


class ComparedSerializer(StrictSerializer):
    a = serializers.IntegerField(min_value=1, max_value=LARGEST)
    b = serializers.IntegerField(min_value=1, max_value=LARGEST)


def asked(questions: type[StrictSerializer], request: Request) -> dict[str, Any]:
    """The query's parameters, checked; `format` is DRF's own. Raises ValidationError."""
    found = questions(data={name: value for name, value in request.query_params.items() if name != "format"})
    found.is_valid(raise_exception=True)
    checked: dict[str, Any] = found.validated_data
    return checked
