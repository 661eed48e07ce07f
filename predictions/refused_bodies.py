"""What was refused, for who wants to know why clients fail: LOG_REFUSED_BODIES. Off, nothing is remembered of a body.

A body may hold anything, so nothing of it is told but its form: numbers, names of fields, and the few words of the API.
Any other text is told by its length, and what stands under a name like `password` not at all.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

from django.conf import settings

from cryptoml_site.error_lines import HIDDEN, Refusals, scrubbed
from registry.told import tell

refused = logging.getLogger("cryptoml.refused")
refusals = Refusals()  # of this process: a line a second for each code
LONGEST = 2_048  # bytes, read and told
BODY = "wsgi.input"

_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*(?:"|\\?\Z))'  # the last one may be cut
    r"|(?P<mark>[{}\[\],:])|(?P<space>\s+)"
    r"|(?P<scalar>(?:-?\d[\d.eE+-]*|true|false|null|NaN|-?Infinity)(?=[\s,:\]}]|\Z))"
    r'|(?P<other>[^{}\[\],:\s"]+)',
    re.DOTALL,
)
_NAMES = re.compile(r"\s*:")  # what follows a name
_FIELD = re.compile(r"(?!(?:.*\d){5})[a-z][a-z0-9_]{0,39}")
_SECRET = re.compile(r"pass|pwd|secret|token|key|auth|cred|cookie|session|sign|bearer|pin\b", re.IGNORECASE)
_WORD = re.compile(  # a moment, or a market as we name them
    r"\d{4}-\d\d-\d\d(?:[T ][\d:.]{5,15}(?:Z|[+-]\d\d:?\d\d)?)?|[a-z]{2,15}-[a-z]{2,6}-\d{1,2}[mhdw]"
)


class Remembered:
    """A body that keeps its beginning as it is read."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self.beginning = b""

    def read(self, size: int = -1) -> bytes:
        return self._kept(self._body.read(size))

    def readline(self, size: int = -1) -> bytes:
        return self._kept(self._body.readline(size))

    def _kept(self, chunk: bytes) -> bytes:
        if len(self.beginning) < LONGEST:
            self.beginning += chunk[: LONGEST - len(self.beginning)]
        return chunk


def remember(sent: MutableMapping[str, Any]) -> None:
    """Before the body is read. sent: the request's WSGI environ."""
    if settings.LOG_REFUSED_BODIES:
        sent[BODY] = Remembered(sent[BODY])


def tell_refused(sent: Mapping[str, Any], *, request_id: str, route: str, status: int, code: str) -> None:
    """One line of a 4xx whose body was remembered, seldom."""
    body = sent.get(BODY)
    if not isinstance(body, Remembered) or not 400 <= status < 500:
        return
    suppressed = refusals.take(code)
    if suppressed is not None:
        told: dict[str, Any] = {"request_id": request_id, "route": route, "status": status, "code": code}
        length = str(sent.get("CONTENT_LENGTH") or "")
        tell(
            refused, "refused_body", body=redacted(body.beginning), bytes=length, suppressed=suppressed or None, **told
        )


def redacted(body: bytes) -> str:
    """Its form.

    >>> redacted(b'{"price": 1.5, "prise": "abc", "api_key": 7, "as_of": "2026-11-23", "note": {"a": [true]}}')
    '{"price": 1.5, "prise": "[3]", "api_key": [hidden], "as_of": "2026-11-23", "note": {"a": [true]}}'
    >>> redacted(b"user=anna&password=hunter2")
    '[26]'
    """
    form = _Form(body[:LONGEST].decode("utf-8", "replace"))
    return scrubbed("".join(map(form.shown, _TOKEN.finditer(form.text))))[:LONGEST]


class _Form:
    """Goes through a text that may be JSON, and may end anywhere."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._depth = 0
        self._secret_at: int | None = None  # the depth of a name that sounds like a secret's, until its value ends

    def shown(self, token: re.Match[str]) -> str:
        said, kind = token[0], token.lastgroup
        if kind == "mark":
            self._follow(said)
            return said
        if kind == "space":
            return said
        if _NAMES.match(self.text, token.end()):
            return self._name(said.strip('"'), quoted=kind == "string")
        if self._secret_at is not None:
            return HIDDEN
        if kind == "scalar":
            return said
        return self._word(said.strip('"'), quoted=kind == "string")

    def _follow(self, mark: str) -> None:
        if mark in "{[":
            self._depth += 1
        elif mark in "}]":
            self._depth -= 1
        if self._secret_at is not None and (
            self._depth < self._secret_at or (mark == "," and self._depth == self._secret_at)
        ):
            self._secret_at = None

    def _name(self, name: str, *, quoted: bool) -> str:
        if self._secret_at is None and _SECRET.search(name):
            self._secret_at = self._depth
        told = name if _FIELD.fullmatch(name) else f"[{len(name)}]"
        return f'"{told}"' if quoted else told

    def _word(self, word: str, *, quoted: bool) -> str:
        told = word if quoted and _WORD.fullmatch(word) else f"[{len(word)}]"
        return f'"{told}"' if quoted else told
