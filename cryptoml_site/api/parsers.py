"""JSON in, strictly: what a lenient parser would guess at is refused."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser


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
        raw = stream.read(settings.BODY_LIMIT + 1)
        if len(raw) > settings.BODY_LIMIT:
            raise BodyTooLarge(f"the body is over {settings.BODY_LIMIT:,} bytes: send smaller batches")
        try:
            return json.loads(raw.decode(), object_pairs_hook=_object)
        except DoubledKey as error:
            raise ParseError(str(error), code="doubled_key") from error
        except (ValueError, RecursionError) as error:
            raise ParseError(f"the body is not JSON: {error}", code="malformed_json") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = sorted({name for name in names if names.count(name) > 1})
        raise DoubledKey(f"'{doubled[0]}' stands more than once in one object: which one counts?")
    return found
