"""What was changed and by whom, for the admin."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from simple_history.admin import SimpleHistoryAdmin


class HistoryAdmin(SimpleHistoryAdmin):  # type: ignore[misc]  # it ships no types
    """Its past is for reading. SIMPLE_HISTORY_REVERT_DISABLED hides the button alone: the library's page would still
    store what is posted to it, for everybody who may look."""

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        page: HttpResponse = super().history_form_view(request, object_id, version_id, extra_context)
        return page
