"""API keys at the door: `Authorization: Api-Key KEY` or `X-API-Key: KEY`."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from predictions.keyring import KnownKey, keyring

KEYWORD = "Api-Key"


class ApiKeyAuthentication(BaseAuthentication):
    """A request with a key acts as that key; `request.auth` is the KnownKey, `request.user` stays anonymous."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, KnownKey] | None:
        key = sent_key(request.META)
        if key is None:
            return None
        inner: Any = request._request  # HttpRequest declares no attribute for it
        inner.key_prefix = key.prefix
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        return KEYWORD


def sent_key(headers: Mapping[str, Any]) -> KnownKey | None:
    """The key that a request was sent with, from its WSGI environ; None where it was sent without.

    Raises AuthenticationFailed, and Unavailable for a key that cannot be told while Postgres is away.
    """
    if not bears_key(headers):
        return None
    secret: str | None = headers.get("HTTP_X_API_KEY")
    if secret is None:
        secret = headers["HTTP_AUTHORIZATION"].partition(" ")[2]
    return keyring.known(secret.strip())


def bears_key(headers: Mapping[str, Any]) -> bool:
    """Whether a request was sent with a key, right or wrong; `Authorization: Basic` is none of ours."""
    if "HTTP_X_API_KEY" in headers:
        return True
    keyword: str = headers.get("HTTP_AUTHORIZATION", "").partition(" ")[0]
    return keyword.lower() == KEYWORD.lower()


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How /docs describes the key."""

    target_class = ApiKeyAuthentication
    name = "ApiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "X-API-Key"}
