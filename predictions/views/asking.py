"""Asking for answers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from predictions.answering import answer
from predictions.answers import Answers
from predictions.asked import Asked
from predictions.callers import Caller
from predictions.models import Scope
from predictions.serializers import AnswerSerializer, PredictSerializer
from predictions.views import idempotent
from predictions.views.answering import AnsweringView
from training.features.classic import EXAMPLE


class Predict(AnsweringView):
    """Ask for one answer; it is in the log before it leaves."""

    scopes = {"POST": (Scope.PREDICT,)}
    example = EXAMPLE  # what the browsable page's form begins with

    @extend_schema(
        request=PredictSerializer,
        parameters=idempotent.PARAMETERS,
        responses={200: AnswerSerializer, **idempotent.REFUSALS},
        examples=[
            OpenApiExample("features of the default model, flat", value=EXAMPLE, request_only=True),
            OpenApiExample("newest candles of a market", value={"market": "demo-usd-1m"}, request_only=True),
            OpenApiExample(
                "features of a model", value={"model": "bitcoin-usd-1d", "features": EXAMPLE}, request_only=True
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        return self.answered(request)

    def compute(self, body: object, caller: Caller) -> Answers:
        return answer(Asked.parse(body), asker=caller.asker)

    def body_of_reply(self, answers: Answers) -> Any:
        return answers.as_json()
