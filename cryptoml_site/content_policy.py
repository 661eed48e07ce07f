"""What a page may load and run: nothing from elsewhere, and no script that is written into it."""

from typing import Any

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest
from django.http.response import HttpResponseBase

PAGE: dict[str, Any] = {
    "default-src": [SELF],
    "style-src": [SELF, UNSAFE_INLINE],  # a bar's width, and the reports, which are one file to keep
    "img-src": [SELF, "data:"],
    "object-src": [NONE],
    "base-uri": [NONE],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
}
ADMIN_PAGE = PAGE | {"script-src": [SELF, UNSAFE_EVAL]}  # Unfold's Alpine reads expressions from attributes


class ContentPolicy(CSPMiddleware):
    """By what a response is; settings.CONTENT_SECURITY_POLICY is that of all that is no page."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if not report_only and response.get("Content-Type", "").startswith("text/html"):
            parts.config = ADMIN_PAGE if request.path_info.startswith("/admin/") else PAGE
        return parts
