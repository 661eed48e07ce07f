"""API keys: what a program may do, and proof that it is the one."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from cryptoml_site.clock import now


class Scope(models.TextChoices):
    """What a key may do."""

    PREDICT = "predict", "ask for answers"
    PREDICTIONS_READ = "predictions:read", "read its own answers"
    PREDICTIONS_READ_ALL = "predictions:read_all", "read everybody's answers"
    METRICS_READ = "metrics:read", "read metrics and reports"
    REGISTRY_READ = "registry:read", "read versions, deployments and markets"
    REGISTRY_WRITE = "registry:write", "promote and roll back"
    REGISTRY_OVERRIDE = "registry:override", "promote although a gate does not pass"
    DRIFT_WRITE = "drift:write", "run a drift check"


def check_scopes(scopes: Iterable[str]) -> None:
    """Raise ValidationError for a scope that does not exist."""
    strangers = sorted(set(scopes) - set(Scope.values))
    if strangers:
        raise ValidationError(f"no such scope: {', '.join(strangers)}; there are {', '.join(Scope.values)}")


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def active(self, at: datetime) -> Self:
        """Neither revoked nor expired."""
        return self.filter(revoked_at=None).exclude(expires_at__lte=at)


class ApiKeyManager(models.Manager.from_queryset(ApiKeyQuerySet)):  # type: ignore[misc]  # a base made by a call
    def issue(
        self,
        *,
        name: str,
        scopes: Iterable[str],
        created_by: str,
        expires_at: datetime | None = None,
        rate_limit: int | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key and its secret, which is shown once and stored nowhere: only its hash is.

        Raises ValidationError for an unknown scope.
        """
        chosen = sorted(scopes)
        check_scopes(chosen)
        prefix = secrets.token_hex(ApiKey.PREFIX_LENGTH // 2)
        secret = f"{prefix}.{secrets.token_urlsafe(32)}"
        key = self.create(
            name=name,
            prefix=prefix,
            secret_sha256=ApiKey.digest(secret),
            scopes=chosen,
            created_by=created_by,
            expires_at=expires_at,
            rate_limit=rate_limit,
        )
        return key, secret


class ApiKey(models.Model):
    """A program's way in. The secret has 256 random bits, so one round of sha256 hides it well enough."""

    PREFIX_LENGTH = 8

    name = models.CharField(max_length=100)
    prefix = models.CharField(
        max_length=PREFIX_LENGTH, unique=True, help_text="First part of the secret; names the key."
    )
    secret_sha256 = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=32, choices=Scope), default=list)
    rate_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Requests per minute; empty: the default."
    )
    created_by = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyManager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(condition=Q(scopes__contained_by=Scope.values), name="a_key_has_known_scopes_only"),
            models.CheckConstraint(
                condition=Q(rate_limit__isnull=True) | Q(rate_limit__gte=1), name="a_rate_limit_admits_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    @staticmethod
    def digest(secret: str) -> str:
        return sha256(secret.encode()).hexdigest()

    @property
    def label(self) -> str:
        """The key as an actor."""
        return f"key:{self.prefix}"

    def matches(self, secret: str) -> bool:
        """Compared in constant time."""
        return secrets.compare_digest(self.secret_sha256, self.digest(secret))

    def revoke(self) -> None:
        """Shut the key for good; a second time changes nothing."""
        if self.revoked_at is None:
            self.revoked_at = now()
            self.save(update_fields=["revoked_at"])
