"""What all views share that answer a JSON body; predictions.short_lane calls the same, without DRF around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.db import DataError, IntegrityError, connection
from django.http import HttpRequest
from orjson import Fragment
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cryptoml_site.errors import Invalid, Refused
from predictions import log
from predictions.answers import Answers
from predictions.callers import Caller
from predictions.follower import follower
from predictions.idempotency import SENT, AskedOnce, Done, first_reply
from predictions.log.writer import Durability
from predictions.replies import Reply, headers_of, logged
from predictions.response_times import tag
from predictions.views.idempotent import REPLAYED, refused_by_http

JSON = "application/json"


class LengthRequired(APIException):
    status_code = 411
    default_code = "length_required"


class AnsweringView(APIView):
    """A subclass says how to `compute` answers and what `body_of_reply` shows of them; its `post` calls `answered`."""

    scopes: dict[str, tuple[str, ...]]

    def compute(self, body: object, caller: Caller) -> Answers:
        """What the body asks for, not logged. Raises Refused."""
        raise NotImplementedError

    def body_of_reply(self, answers: Answers) -> Any:
        """What the renderer makes JSON of."""
        raise NotImplementedError

    def answer_to(self, body: object, caller: Caller, sent: Mapping[str, Any]) -> Reply:
        """Where both lanes meet. sent: the request's WSGI environ. Raises Refused, and DRF's exceptions."""
        behind = follower.seconds_behind()  # first: while an answer waits its process may catch up, the answer does not
        if SENT in sent:
            return self.answer_once(AskedOnce.of(body, caller, sent), partial(self.compute, body, caller), behind)
        answers = self.compute(body, caller)
        version = answers.serving.version
        return Reply(self.body_of_reply(answers), logged(answers, behind), version.model, version.number)

    def answer_once(self, asked: AskedOnce, compute: Callable[[], Answers], behind: float | None) -> Reply:
        """The first reply to a key, byte for byte."""
        follower.check_reachable()
        with refused_by_http():
            stored, replayed = first_reply(asked, do=partial(self.logged_reply, compute))
        headers = headers_of(Durability.POSTGRES, behind) | ({REPLAYED: "true"} if replayed else {})
        return Reply(Fragment(stored.reply), headers, stored.model, stored.version)

    def logged_reply(self, compute: Callable[[], Answers]) -> Done:
        """Compute answers, and log them in the transaction that is open. Raises Refused for what the log refuses."""
        answers = compute()
        try:
            with connection.wrap_database_errors:  # which Django's cursor leaves out of a COPY
                log.copy([answers])
        except (DataError, IntegrityError) as refusal:
            raise Refused(f"the log refuses this answer, so it is not given: {refusal}") from refusal
        version = answers.serving.version
        return Done(self.rendered(answers), version.model, version.number)

    def rendered(self, answers: Answers) -> bytes:
        """The JSON of a reply."""
        renderer: Any = self.renderer_classes[0]()
        body: bytes = renderer.render(self.body_of_reply(answers))
        return body

    def answered(self, request: Request) -> Response:
        """DRF's lane."""
        check_length(request.META)
        reply = self.answer_to(request.data, Caller.of(request), request.META)
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
