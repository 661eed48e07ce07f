"""What all views share that answer a JSON body; predictions.short_lane calls the same, without DRF around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cryptoml_site.errors import Invalid
from predictions.callers import Caller
from predictions.replies import Reply
from predictions.response_times import tag

JSON = "application/json"


class LengthRequired(APIException):
    status_code = 411
    default_code = "length_required"


class AnsweringView(APIView):
    """A subclass says what `reply` is, and calls `answered` in its `post`."""

    scopes: dict[str, tuple[str, ...]]

    def reply(self, body: object, caller: Caller, sent: Mapping[str, Any]) -> Reply:
        """sent: the request's WSGI environ. Raises Refused, and DRF's exceptions."""
        raise NotImplementedError

    def answered(self, request: Request) -> Response:
        """DRF's lane."""
        check_length(request.META)
        reply = self.reply(request.data, Caller.of(request), request.META)
        response = Response(reply.body, headers=reply.headers)
        tag(response, model=reply.model, version=reply.version)
        return response

    def body_of(self, sent: Mapping[str, Any]) -> Any:
        """What `request.data` is in DRF's lane."""
        check_length(sent)
        return self.parser_classes[0]().parse(sent["wsgi.input"], JSON, {"view": self})

    def refusal(self, request: HttpRequest, error: Exception) -> Response:
        """What DRF's lane makes of an exception."""
        self.args, self.kwargs = (), {}
        self.headers = self.default_response_headers
        self.request = wrapped = self.initialize_request(request)
        self.response = self.finalize_response(wrapped, self.handle_exception(error))
        return self.response


def check_length(sent: Mapping[str, Any]) -> None:
    """Raises LengthRequired for a body in chunks, Invalid for none."""
    if "chunked" in sent.get("HTTP_TRANSFER_ENCODING", "").lower():
        raise LengthRequired("send the body with a Content-Length, not in chunks")
    if sent.get("CONTENT_LENGTH") in ("", "0", None):
        raise Invalid("the body is empty: send features, or a market", code="empty_body")
