"""Replies kept for clients that may ask again because they do not know whether they were answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from django.db import models

from cryptoml_site.clock import now


class IdempotentReplyQuerySet(models.QuerySet["IdempotentReply"]):
    def valid(self, at: datetime) -> Self:
        return self.filter(created_at__gt=at - IdempotentReply.KEPT)

    def expired(self, at: datetime) -> Self:
        return self.filter(created_at__lte=at - IdempotentReply.KEPT)

    def put(self, reply: IdempotentReply) -> None:
        """Store it, in place of an expired one under the same key."""
        self.bulk_create(
            [reply],
            update_conflicts=True,
            unique_fields=["caller", "key"],
            update_fields=["path", "body_sha256", "reply", "model", "version", "created_at"],
        )


class IdempotentReply(models.Model):
    """A reply as it left, byte for byte, and what it answered: stored in the transaction of its answers."""

    KEPT = timedelta(hours=24)
    LONGEST_KEY = 255  # characters

    caller = models.CharField(max_length=100, help_text="As an actor.")
    key = models.CharField(max_length=LONGEST_KEY, help_text="The client's own, from Idempotency-Key.")
    path = models.CharField(max_length=100, help_text="Without /api/v1.")
    body_sha256 = models.CharField(max_length=64, help_text="Of the request's body, its names sorted.")
    reply = models.BinaryField()
    model = models.CharField(max_length=64, help_text="Which answered.")
    version = models.PositiveIntegerField(help_text="The number of the version that answered.")
    created_at = models.DateTimeField(default=now)

    objects = IdempotentReplyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "idempotent replies"
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="one_reply_per_caller_and_key")]
        indexes = [models.Index(fields=["created_at"], name="idempotent_replies_by_age")]

    def __str__(self) -> str:
        return f"{self.key} of {self.caller}"
