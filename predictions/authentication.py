"""API keys at the door: `Authorization: Api-Key KEY` or `X-API-Key: KEY`."""

from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from cryptoml_site.clock import now
from predictions.models import ApiKey

KEYWORD = "Api-Key"


class ApiKeyAuthentication(BaseAuthentication):
    """A request with a key acts as that key; `request.auth` is the ApiKey, `request.user` stays anonymous."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        secret = sent_secret(request)
        if secret is None:
            return None
        return AnonymousUser(), valid_key(secret)

    def authenticate_header(self, request: Request) -> str:
        return KEYWORD


def sent_secret(request: Request) -> str | None:
    """What the client sent as its key; None where it sent none. Raises AuthenticationFailed for a malformed header."""
    header: str | None = request.META.get("HTTP_X_API_KEY")
    if header is not None:
        return header.strip()
    keyword, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if keyword.lower() != KEYWORD.lower():
        return None
    return str(secret.strip())


def valid_key(secret: str) -> ApiKey:
    """Raises AuthenticationFailed: malformed, unknown, revoked or expired; the first two say nothing of what exists."""
    prefix, dot, _ = secret.partition(".")
    if not dot or len(prefix) != ApiKey.PREFIX_LENGTH or not secret.isascii() or "\x00" in secret:
        raise AuthenticationFailed("an API key looks like 'ab12cd34.…': send the whole of it", code="malformed_key")
    key = ApiKey.objects.filter(prefix=prefix).first()
    if key is None or not key.matches(secret):
        raise AuthenticationFailed("no such API key", code="unknown_key")
    if key.revoked_at is not None:
        raise AuthenticationFailed(f"this API key was revoked on {key.revoked_at:%Y-%m-%d}", code="revoked_key")
    if key.expires_at is not None and key.expires_at <= now():
        raise AuthenticationFailed(f"this API key expired on {key.expires_at:%Y-%m-%d}", code="expired_key")
    return key


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How /docs describes the key."""

    target_class = ApiKeyAuthentication
    name = "ApiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "X-API-Key"}
