"""Deny unless allowed: each view names the scopes of each of its methods; without a name nobody passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from predictions.callers import Caller

if TYPE_CHECKING:
    from rest_framework.views import APIView


class HasScope(BasePermission):
    """One of the scopes in the view's `scopes[method]`, held by the key, the staff member or the anonymous.

    A view may ask for one more, by what its body asks for: `also_needs(request)`.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not hasattr(view, str(request.method).lower()):
            return True  # nothing is there to be allowed: the view answers 405
        caller, scopes = Caller.of(request), getattr(view, "scopes", {})
        if request.method == "OPTIONS":  # says what there is to be asked
            caller.check(tuple(scope for wanted in scopes.values() for scope in wanted))
            return True
        caller.check(scopes.get("GET" if request.method in SAFE_METHODS else request.method, ()))
        if hasattr(view, "also_needs") and (more := view.also_needs(request)):
            caller.check(more)
        return True
