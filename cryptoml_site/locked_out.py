"""What somebody reads who has failed to sign in too often; AXES_LOCKOUT_CALLABLE."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None) -> HttpResponse:
    """The same under /admin/ and /auth/; it says nothing of whether there is such a user."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    told = {"failures": settings.AXES_FAILURE_LIMIT, "minutes": seconds // 60, "title": "Signing in is locked"}
    page = render(request, "cryptoml_site/locked_out.html", admin.site.each_context(request) | told, status=429)
    page["Retry-After"] = str(seconds)
    return page
