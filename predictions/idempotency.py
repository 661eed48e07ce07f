"""Asked twice, answered once: a client that does not know whether it was answered asks again under the same key.

Such a request has a transaction of its own, in which what it does and its reply are stored together or not at all. It
never waits for another: inside the log's group commit, keys in opposite order would deadlock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from django.db import connection, transaction

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, Refused
from predictions.callers import Caller
from predictions.models import IdempotentReply

HEADER = "Idempotency-Key"
SENT = "HTTP_IDEMPOTENCY_KEY"  # its name in a WSGI environ
KEY = re.compile(rf"[ -~]{{1,{IdempotentReply.LONGEST_KEY}}}")  # ASCII without control characters
CANONICAL = "/api/v1"  # the same addresses stand at / too
CHUNK = 1_000  # expired replies deleted in one transaction


class UnderWay(Refused):
    """Another request with the same key has not ended."""

    code = "idempotency_under_way"


class KeyReused(Refused):
    """The key belongs to another request."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Done:
    """What a request came to: the body of its reply, and the version that it is about."""

    body: bytes
    model: str
    version: int


@dataclass(frozen=True, slots=True)
class AskedOnce:
    """A request that bears a key: whose, and what tells it apart from others."""

    caller: str
    key: str
    path: str
    body_sha256: str

    @classmethod
    def of(cls, body: object, caller: Caller, sent: Mapping[str, Any]) -> AskedOnce:
        """sent: the request's WSGI environ, with the header. Raises Invalid."""
        if not caller.known:
            raise Invalid(
                f"'{HEADER}' needs an API key: who sends none cannot be told apart",
                code="idempotency_needs_a_key",
                field=HEADER,
            )
        if not KEY.fullmatch(sent[SENT]):
            raise Invalid(
                f"'{HEADER}' must be 1 to {IdempotentReply.LONGEST_KEY} printable ASCII characters",
                code="bad_idempotency_key",
                field=HEADER,
            )
        return cls(caller.label, sent[SENT], sent["PATH_INFO"].removeprefix(CANONICAL), fingerprint(body))

    @property
    def lock(self) -> int:
        """Of the caller's key, in the 64 bits of Postgres' advisory locks."""
        digest = sha256(f"idempotency\0{self.caller}\0{self.key}".encode()).digest()
        return int.from_bytes(digest[:8], signed=True)

    def check(self, stored: IdempotentReply) -> None:
        """Raises KeyReused unless that reply is this request's."""
        if (stored.path, stored.body_sha256) != (self.path, self.body_sha256):
            raise KeyReused(f"this '{HEADER}' was used for another request: take a new key for each", field=HEADER)


def fingerprint(body: object) -> str:
    """The same for bodies that differ in white space and in the order of names alone."""
    try:
        raw = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # numbers of more than 64 bits, or hundreds of brackets
        raw = _of_any_size(body)
    return sha256(raw).hexdigest()


def _of_any_size(body: object) -> bytes:
    try:
        return json.dumps(body, sort_keys=True).encode()
    except RecursionError:
        raise Invalid("the body is nested too deeply", code="malformed_json") from None


def first_reply(asked: AskedOnce, *, do: Callable[[], Done]) -> tuple[IdempotentReply, bool]:
    """The reply to that key, and whether it had been given before. do: what it stores, it stores in one transaction.

    Raises UnderWay, KeyReused, what `do` raises, and the errors of the database: what was stored is then unknown, and
    the client's next try will tell.
    """
    with transaction.atomic(durable=True):
        _lock(asked)
        stored = IdempotentReply.objects.valid(now()).filter(caller=asked.caller, key=asked.key).first()
        if stored is not None:
            asked.check(stored)
            return stored, True
        return _keep(asked, do()), False


def _lock(asked: AskedOnce) -> None:
    """Until the transaction ends. A statement of its own: what follows sees all that its last holder committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [asked.lock])
        if not cursor.fetchone()[0]:
            raise UnderWay(f"a request with this '{HEADER}' is under way: ask again in a second", field=HEADER)


def _keep(asked: AskedOnce, done: Done) -> IdempotentReply:
    row = IdempotentReply(
        caller=asked.caller,
        key=asked.key,
        path=asked.path,
        body_sha256=asked.body_sha256,
        reply=done.body,
        model=done.model,
        version=done.version,
    )
    IdempotentReply.objects.put(row)
    return row


def forget_expired() -> int:
    """Delete the replies that are no longer kept, each chunk in a transaction of its own; how many they were."""
    forgotten = 0
    while found := _forget_some():
        forgotten += found
    return forgotten


def _forget_some() -> int:
    with transaction.atomic():
        expired = IdempotentReply.objects.expired(now()).select_for_update(skip_locked=True).order_by("created_at")
        chosen = list(expired.values_list("pk", flat=True)[:CHUNK])
        IdempotentReply.objects.filter(pk__in=chosen).delete()
    return len(chosen)
