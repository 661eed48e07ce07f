"""JSON in, strictly: what a lenient parser would guess at is refused."""

import json
from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

MOST_PARTS = 500_000  # of one body: 10,000 rows of 49 features; each is an object of Python's, whatever its bytes
WITHOUT_QUOTATION_MARKS = {float, int, bool, type(None)}


class BodyTooLarge(APIException):
    status_code = 413
    default_code = "body_too_large"


class DoubledKey(ValueError):
    pass


class StrictJSONParser(BaseParser):
    """application/json without doubled keys. NaN and infinities pass, to be refused where the field is known."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = getattr((parser_context or {}).get("view"), "body_limit", settings.BODY_LIMIT)
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise BodyTooLarge(f"the body is over {limit:,} bytes: send less at once")
        if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > MOST_PARTS:
            raise BodyTooLarge(f"the body has over {MOST_PARTS:,} parts: send fewer rows at once")
        return strict_json(raw)


def strict_json(raw: bytes) -> Any:
    """orjson reads it; what that could not, or could have read too kindly, the standard library looks at again.

    An object's key that stands twice is read once, so that fewer quotation marks come out than went in. Escaped ones
    make the same difference, and are then looked at for nothing. Raises ParseError.
    """
    try:
        body = orjson.loads(raw)
        if raw.count(b'"') == _quotation_marks(body):
            return body
    except (orjson.JSONDecodeError, RecursionError):
        pass
    return _looked_at(raw)


def _quotation_marks(value: Any) -> int:
    """How many it takes to write the value down."""
    if isinstance(value, str):
        return 2
    if not isinstance(value, dict | list):
        return 0
    keys, inner = (2 * len(value), value.values()) if isinstance(value, dict) else (0, value)
    if WITHOUT_QUOTATION_MARKS.issuperset(map(type, inner)):  # the usual row of a batch of thousands
        return keys
    return keys + sum(map(_quotation_marks, inner))


def _looked_at(raw: bytes) -> Any:
    try:
        return _sound(json.loads(raw.decode(), object_pairs_hook=_object), raw)
    except DoubledKey as error:
        raise ParseError(str(error), code="doubled_key") from error
    except (ValueError, RecursionError) as error:
        raise ParseError(f"the body is not JSON: {str(error)[:200]}", code="malformed_json") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise DoubledKey(f"'{name[:64]!s}' stands more than once in one object: which one counts?")
        found[name] = value
    return found


def _sound(body: Any, raw: bytes) -> Any:
    """Refuse half a surrogate pair, which only an escape can bring: it is no character, and nothing could store it."""
    if b"\\ud" in raw.lower():
        json.dumps(body, ensure_ascii=False).encode()  # UnicodeEncodeError is a ValueError
    return body
