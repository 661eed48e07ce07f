"""JSON out, by orjson; and pages for people, with forms that they can send as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson
from django import forms
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request

if TYPE_CHECKING:
    from rest_framework.views import APIView  # whose class statement imports this module


class OrjsonRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None  # JSON is UTF-8 by definition

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        if data is None:
            return b""
        for_people = orjson.OPT_INDENT_2 if (renderer_context or {}).get("indent") else 0
        return orjson.dumps(data, default=str, option=orjson.OPT_UTC_Z | for_people)


class BrowsableRenderer(BrowsableAPIRenderer):
    """The form for a body holds what was just sent, or the view's `example`."""

    def get_raw_data_form(self, data: Any, view: APIView, method: str, request: Request) -> forms.Form | None:
        form: forms.Form | None = super().get_raw_data_form(data, view, method, request)
        body = (request.data if request.method == method else None) or getattr(view, "example", None)
        if form is not None and body is not None:
            form.fields["_content"].initial = orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()
        return form
