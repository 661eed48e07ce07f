"""What people read under /admin/ where programs get JSON: a sentence instead of a bare 500."""

from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest

from cryptoml_site.error_lines import tell

ADMIN = "/admin/"
AWAY = "The database does not answer. Nothing was changed that you were not told of: look again in a moment."
NUL = "The address holds a NUL character (%00), which no text here has: take it out."


class AdminErrors:
    """Middleware, after the sessions'."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(ADMIN) and _has_nul(request):
            return HttpResponseBadRequest(NUL, content_type="text/plain")
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not request.path.startswith(ADMIN) or not isinstance(exception, OperationalError | InterfaceError):
            return None
        response = HttpResponse(AWAY, status=503, content_type="text/plain", headers={"Retry-After": "2"})
        response._has_been_logged = True  # type: ignore[attr-defined]  # here, with its cause
        tell(request, status=503, code="database_unavailable", error=exception)
        return response


def _has_nul(request: HttpRequest) -> bool:
    """In the query, or among the rows that were selected: what a form asks for is the form's to refuse."""
    if "%00" in request.META.get("QUERY_STRING", ""):
        return True
    selected = request.POST.getlist("_selected_action") if request.method == "POST" else []
    return any("\x00" in pk for pk in selected)
