"""Deny unless allowed: each view names the scopes of each of its methods; without a name nobody passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from predictions.models import ApiKey, Scope

if TYPE_CHECKING:
    from rest_framework.views import APIView

STAFF_PERMISSIONS = {  # what a signed-in person needs where a key needs the scope
    Scope.PREDICT: "predictions.add_prediction",
    Scope.PREDICTIONS_READ: "predictions.view_prediction",
    Scope.PREDICTIONS_READ_ALL: "predictions.view_prediction",
    Scope.METRICS_READ: "registry.view_modelversion",
    Scope.REGISTRY_READ: "registry.view_modelversion",
    Scope.REGISTRY_WRITE: "registry.change_modelversion",
    Scope.DRIFT_WRITE: "registry.change_modelversion",
}


class HasScope(BasePermission):
    """One of the scopes in the view's `scopes[method]`, held by the key, the staff member or the anonymous."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not hasattr(view, str(request.method).lower()):
            return True  # nothing is there to be allowed: the view answers 405
        method = "GET" if request.method in SAFE_METHODS else str(request.method)
        wanted: tuple[str, ...] = getattr(view, "scopes", {}).get(method, ())
        if any(holds(request, scope) for scope in wanted):
            return True
        if request.auth is None and not request.user.is_authenticated:
            raise NotAuthenticated("send an API key: 'X-API-Key: …'")
        raise PermissionDenied(f"this needs the scope {' or '.join(wanted) or 'of nobody'}", code="missing_scope")


def holds(request: Request, scope: str) -> bool:
    """Whether who asks may do what the scope names."""
    if isinstance(request.auth, ApiKey):
        return scope in request.auth.scopes
    if request.user.is_authenticated:
        return request.user.is_staff and request.user.has_perm(STAFF_PERMISSIONS[Scope(scope)])
    return scope in settings.ANONYMOUS_SCOPES and scope != Scope.REGISTRY_WRITE


def label(request: Request) -> str:
    """Who asks, as an actor."""
    if isinstance(request.auth, ApiKey):
        return request.auth.label
    if request.user.is_authenticated:
        return f"user:{request.user.get_username()}"
    return "anonymous"
