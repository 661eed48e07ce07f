"""Asking for many answers at once."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from predictions.answers import Answers
from predictions.batches import AskedBatch, answer_batch
from predictions.callers import Caller
from predictions.models import Scope
from predictions.serializers import BatchAnswerSerializer, BatchSerializer
from predictions.views import idempotent
from predictions.views.answering import AnsweringView
from training.features.classic import EXAMPLE

ROWS = [list(EXAMPLE.values()), list(EXAMPLE.values())]


class PredictBatch(AnsweringView):
    """Ask for up to 10,000 answers of one model; all are in the log before they leave, or none is."""

    scopes = {"POST": (Scope.PREDICT,)}
    example = {"rows": ROWS}

    @property
    def body_limit(self) -> int:
        limit: int = settings.BATCH_BODY_LIMIT
        return limit

    @extend_schema(
        request=BatchSerializer,
        parameters=idempotent.PARAMETERS,
        responses={200: BatchAnswerSerializer, **idempotent.REFUSALS},
        examples=[
            OpenApiExample("arrays in the order of the signature", value={"rows": ROWS}, request_only=True),
            OpenApiExample("arrays with a header", value={"names": list(EXAMPLE), "rows": ROWS}, request_only=True),
            OpenApiExample(
                "objects for a model", value={"model": "bitcoin-usd-1d", "rows": [EXAMPLE]}, request_only=True
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        return self.answered(request)

    def compute(self, body: object, caller: Caller) -> Answers:
        return answer_batch(AskedBatch.parse(body), asker=caller.asker)

    def body_of_reply(self, answers: Answers) -> Any:
        return answers.shared_json() | {"predictions": list(answers.each_json())}
