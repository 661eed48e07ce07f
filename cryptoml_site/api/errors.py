"""Every refusal in one JSON shape: {"type", "errors": [{"code", "detail", "attr"}], "evidence"?}."""

from typing import Any

from django.core import signals
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.types import Error
from rest_framework.exceptions import APIException
from rest_framework.response import Response

from cryptoml_site.error_lines import tell
from cryptoml_site.errors import Invalid, Refused, Unavailable, Unknown
from registry.request_ids import name_request

MOST_PROBLEMS = 50
LONGEST = 2_000  # characters of one sentence
FAILED = "An error of ours. It is in the log, as request {}."
STATUS = {Invalid: 400, Unknown: 404, Unavailable: 503, Refused: 409}


class RefusedByDomain(APIException):
    """A domain error on its way out through DRF, which rolls back and renders."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(detail=str(refused), code=refused.code)
        self.refused = refused
        self.status_code = next(status for kind, status in STATUS.items() if isinstance(refused, kind))


class Formatter(ExceptionFormatter):
    """drf-standardized-errors' shape, with the field named for every kind of refusal and the numbers behind it."""

    def get_errors(self) -> list[Error]:
        if isinstance(self.exc, RefusedByDomain):
            problems = self.exc.refused.problems[:MOST_PROBLEMS]  # no small request gets a large answer
            return [Error(found.code, found.sentence[:LONGEST], found.field and found.field[:64]) for found in problems]
        return super().get_errors()

    def format_error_response(self, error_response: Any) -> Any:
        body = super().format_error_response(error_response)
        if isinstance(self.exc, RefusedByDomain) and self.exc.refused.evidence is not None:
            body["evidence"] = self.exc.refused.evidence
        request = self.context["request"]
        if self.exc.status_code == 500 and request is not None:
            body["request_id"] = name_request(request.META)
        return body


class Handler(ExceptionHandler):
    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, OperationalError | InterfaceError):
            exc = Unavailable("the database does not answer: try again", code="database_unavailable")
        if isinstance(exc, SuspiciousOperation | ValidationError | DataError):  # a cursor that was altered, say
            exc = Invalid(
                "the request cannot be read: take addresses and cursors as they were given", code="bad_request"
            )
        if isinstance(exc, Refused):
            return RefusedByDomain(exc)
        return super().convert_known_exceptions(exc)

    def report_exception(self, exc: APIException, response: Response) -> None:
        """What fails is told once, with its traceback; a refusal is no error of ours."""
        if response.status_code < 500:
            return
        request = self.context["request"] and self.context["request"]._request
        response._has_been_logged = True  # type: ignore[attr-defined]  # else Django tells it again
        if response.status_code == 500:
            signals.got_request_exception.send(sender=None, request=request)
        tell(request, status=response.status_code, code=str(exc.get_codes()), error=self.exc)


def handle(exc: Exception, context: Any) -> Response | None:
    """REST_FRAMEWORK["EXCEPTION_HANDLER"]."""
    return Handler(exc, context).run()


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404: people under /admin/ get a page, programs the same shape as everywhere."""
    if request.path.startswith("/admin/"):
        return defaults.page_not_found(request, exception)
    return shaped(404, "client_error", "not_found", f"there is nothing at {request.path}: see /docs")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400: a Host that is not ours, a request that Django cannot read."""
    return shaped(400, "client_error", "bad_request", "the request cannot be read: look at its Host and its size")


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500."""
    named = name_request(request.META)
    if request.path.startswith("/admin/"):
        return HttpResponse(FAILED.format(named), status=500, content_type="text/plain")
    return shaped(500, "server_error", "error", "an error of ours: it is in the log", request_id=named)


def shaped(status: int, kind: str, code: str, detail: str, **more: str) -> JsonResponse:
    body = {"type": kind, "errors": [{"code": code, "detail": detail, "attr": None}], **more}
    return JsonResponse(body, status=status)
