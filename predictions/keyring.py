"""The API keys that this process knows, so that the usual request asks Postgres for none.

All active keys are read at the start, again within KeyRing.LIFE, and at once when Postgres notifies that one changed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from django.db import Error
from rest_framework.exceptions import AuthenticationFailed

from cryptoml_site.clock import now
from cryptoml_site.errors import Unavailable
from predictions.models import ApiKey


@dataclass(frozen=True, slots=True)
class KnownKey:
    """An API key as a request meets it: `request.auth`."""

    pk: int
    prefix: str
    secret_sha256: str
    scopes: frozenset[str]
    rate_limit: int | None  # requests per minute; None: the default
    expires_at: datetime | None
    revoked_at: datetime | None = None

    @classmethod
    def of(cls, key: ApiKey) -> KnownKey:
        return cls(
            key.pk,
            key.prefix,
            key.secret_sha256,
            frozenset(key.scopes),
            key.rate_limit,
            key.expires_at,
            key.revoked_at,
        )

    @property
    def label(self) -> str:
        """The key as an actor."""
        return f"key:{self.prefix}"

    def check(self, secret: str) -> None:
        """Raises AuthenticationFailed: another secret (compared in constant time), revoked or expired."""
        if not secrets.compare_digest(self.secret_sha256, ApiKey.digest(secret)):
            raise AuthenticationFailed("no such API key", code="unknown_key")
        if self.revoked_at is not None:
            raise AuthenticationFailed(f"this API key was revoked on {self.revoked_at:%Y-%m-%d}", code="revoked_key")
        if self.expires_at is not None and self.expires_at <= now():
            raise AuthenticationFailed(f"this API key expired on {self.expires_at:%Y-%m-%d}", code="expired_key")


class KeyRing:
    """By prefix; swapped whole by one reference."""

    LIFE = 10.0  # seconds between two readings, whether or not a notification came
    UNCONFIRMED = timedelta(hours=1)  # for so long keys are taken as last read while Postgres is away

    def __init__(self) -> None:
        self.keys: Mapping[str, KnownKey] = MappingProxyType({})
        self.confirmed_at: datetime | None = None
        self.check_reachable: Callable[[], None] = lambda: None  # raises Unavailable; the follower knows

    def load(self) -> None:
        """Read all active keys. Raises django.db.Error while Postgres is away; what was known stays."""
        moment = now()
        self.put((KnownKey.of(key) for key in ApiKey.objects.active(moment)), confirmed_at=moment)

    def put(self, keys: Iterable[KnownKey], *, confirmed_at: datetime) -> None:
        self.keys, self.confirmed_at = MappingProxyType({key.prefix: key for key in keys}), confirmed_at

    def known(self, secret: str) -> KnownKey:
        """The key with this secret.

        Raises AuthenticationFailed: malformed, unknown, revoked or expired; the first two say nothing of what exists.
        Raises Unavailable for one that only Postgres could tell while that is away.
        """
        prefix, dot, _ = secret.partition(".")
        if not dot or len(prefix) != ApiKey.PREFIX_LENGTH or not secret.isascii() or "\x00" in secret:
            raise AuthenticationFailed("an API key looks like 'ab12cd34.…': send the whole of it", code="malformed_key")
        key = self.keys.get(prefix) if self._confirmed() else None
        if key is None:
            key = self._asked(prefix)
        key.check(secret)
        return key

    def _confirmed(self) -> bool:
        return self.confirmed_at is not None and abs(now() - self.confirmed_at) < self.UNCONFIRMED

    def _asked(self, prefix: str) -> KnownKey:
        """Straight from Postgres: a key of this very moment, or the reason why one is known no longer."""
        try:
            self.check_reachable()
            key = ApiKey.objects.filter(prefix=prefix).first()
        except (Error, Unavailable) as error:
            sentence = "the database does not answer, and without it this key is not known: try again"
            raise Unavailable(sentence, code="key_unconfirmed") from error
        if key is None:
            raise AuthenticationFailed("no such API key", code="unknown_key")
        return KnownKey.of(key)


keyring = KeyRing()  # one per process
