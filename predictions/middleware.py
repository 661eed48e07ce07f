"""What is measured and told of every response, and what each tells of its caller's limit."""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from predictions.limits import Allowance
from predictions.refused_bodies import tell_refused
from predictions.request_lines import request_lines
from predictions.response_times import Told, response_times
from registry.request_ids import REQUEST_ID, current_request_id, name_request


class RecordResponses:
    """Counts each response and its time. To stand first in MIDDLEWARE, so that the others' time is in it.

    An exception that passes through counts as status 500 and goes on.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = perf_counter()
        response = None
        try:
            response = self.get_response(request)
            return response
        finally:
            record(request, response, seconds=perf_counter() - began)


def record(request: HttpRequest, response: HttpResponseBase | None, *, seconds: float) -> None:
    """Count one response, and tell of it; None where an exception left none."""
    match = request.resolver_match
    status = 500 if response is None else response.status_code
    model, version = getattr(response, "answered_by", ("", None))
    told: Told = {
        "method": request.method or "",
        "route": match.route if match else "",
        "status": status,
        "code": error_code(response) if status >= 400 else "",
        "model": model,
        "version": version,
        "seconds": seconds,
    }
    request_id = name_request(request.META)
    record_told(told, request.META, request_id=request_id, key=getattr(request, "key_prefix", ""))


def record_told(told: Told, sent: Mapping[str, Any], *, request_id: str, key: str) -> None:
    """Where both lanes meet. sent: the request's WSGI environ."""
    response_times.record(**told)
    request_lines.tell(request_id=request_id, key=key, **told)
    tell_refused(sent, request_id=request_id, route=told["route"], status=told["status"], code=told["code"])


def error_code(response: HttpResponseBase | None) -> str:
    """The code of the first error in the shape of cryptoml_site.api.errors; empty where it has another."""
    match getattr(response, "data", None):
        case {"errors": [{"code": str(code)}, *_]}:
            return code
    return ""


class NameRequests:
    """Gives each request its id, which its response bears too, unless that bears the id of an earlier one like it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        named = name_request(request.META)
        before = current_request_id.set(named)
        try:
            response = self.get_response(request)
        finally:
            current_request_id.reset(before)
        response.headers.setdefault(REQUEST_ID, named)
        return response


class TellAllowance:
    """What is left of the caller's rate limit, in the headers of every response that was counted against one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        allowance: Allowance | None = getattr(request, "allowance", None)
        if allowance is not None:
            for name, value in allowance.headers().items():
                response.headers[name] = value
        return response
