"""Who asks: a program with a key, a signed-in person, or nobody that we know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from django.conf import settings
from django.contrib.auth.models import User
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.request import Request

from predictions.answers import Asker
from predictions.keyring import KnownKey
from predictions.models import Scope

STAFF_PERMISSIONS = {  # what a signed-in person needs where a key needs the scope
    Scope.PREDICT: "predictions.add_prediction",
    Scope.PREDICTIONS_READ: "predictions.view_prediction",
    Scope.PREDICTIONS_READ_ALL: "predictions.view_prediction",
    Scope.METRICS_READ: "registry.view_modelversion",
    Scope.REGISTRY_READ: "registry.view_modelversion",
    Scope.REGISTRY_WRITE: "registry.change_modelversion",
    Scope.REGISTRY_OVERRIDE: "registry.override_gates",
    Scope.DRIFT_WRITE: "registry.change_modelversion",
}
NEVER_ANONYMOUS = (Scope.REGISTRY_WRITE, Scope.REGISTRY_OVERRIDE)


@dataclass(frozen=True, slots=True)
class Caller:
    """The same to every endpoint, however its request came in."""

    key: KnownKey | None = None
    user: User | None = None

    @classmethod
    def of(cls, request: Request) -> Self:
        if isinstance(request.auth, KnownKey):
            return cls(key=request.auth)
        return cls(user=request.user) if isinstance(request.user, User) else cls()

    @property
    def known(self) -> bool:
        return self.key is not None or self.user is not None

    @property
    def label(self) -> str:
        """As an actor."""
        if self.key is not None:
            return self.key.label
        return f"user:{self.user.get_username()}"[:100] if self.user else "anonymous"

    @property
    def asker(self) -> Asker:
        return Asker(self.label, self.key.pk if self.key else None)

    def may(self, scope: str) -> bool:
        if self.key is not None:
            return scope in self.key.scopes
        if self.user is not None:
            return self.user.is_staff and self.user.has_perm(STAFF_PERMISSIONS[Scope(scope)])
        return scope in settings.ANONYMOUS_SCOPES and scope not in NEVER_ANONYMOUS

    def check(self, wanted: tuple[str, ...]) -> None:
        """Raises NotAuthenticated or PermissionDenied unless one of the scopes is held."""
        if any(map(self.may, wanted)):
            return
        if not self.known:
            raise NotAuthenticated("send an API key: 'X-API-Key: …'")
        raise PermissionDenied(f"this needs the scope {' or '.join(wanted) or 'of nobody'}", code="missing_scope")
