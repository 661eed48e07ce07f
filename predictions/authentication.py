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
        return None if key is None else (AnonymousUser(), key)

    def authenticate_header(self, request: Request) -> str:
        return KEYWORD


def sent_key(headers: Mapping[str, Any]) -> KnownKey | None:
    """The key that a request was sent with, from its WSGI environ; None where it was sent without.

    Raises AuthenticationFailed, and Unavailable for a key that cannot be told while Postgres is away.
    """
    secret: str | None = headers.get("HTTP_X_API_KEY")
    if secret is None:
        keyword, _, secret = headers.get("HTTP_AUTHORIZATION", "").partition(" ")
        if keyword.lower() != KEYWORD.lower():
            return None
    return keyring.known(secret.strip())


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How /docs describes the key."""

    target_class = ApiKeyAuthentication
    name = "ApiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "X-API-Key"}
