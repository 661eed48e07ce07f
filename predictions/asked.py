"""Bodies of POST /predict, read strictly: nothing is guessed, and each refusal names its field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptoml_site.errors import Invalid, InvalidFields, Problem

MARKET_FIELDS = {"market", "model", "version", "as_of", "reference"}
FEATURES_FIELDS = {"model", "version", "features", "reference"}
LONGEST_REFERENCE = 64  # characters


@dataclass(frozen=True)
class Asked:
    """A body of POST /predict, its three forms told apart: flat features, `features`, or `market`."""

    model: str | None = None
    version: int | None = None
    features: Mapping[str, Any] | None = None
    market: str | None = None
    as_of: datetime | None = None
    reference: str = ""

    @classmethod
    def parse(cls, body: object) -> Asked:
        """Raises Invalid, naming the field at fault."""
        if not isinstance(body, dict):
            raise Invalid("the body must be one JSON object", code="not_an_object")
        if not body:
            raise Invalid("the body is empty: send features, or a market", code="empty_body")
        if "features" in body:
            refuse_strangers(body, FEATURES_FIELDS)
            if not isinstance(body["features"], dict):
                raise Invalid(
                    "'features' must be an object of names and numbers", code="not_an_object", field="features"
                )
            return cls(name_in(body, "model"), version_in(body), body["features"], reference=reference_in(body))
        if "market" in body:
            refuse_strangers(body, MARKET_FIELDS)
            return cls(
                name_in(body, "model"),
                version_in(body),
                market=name_in(body, "market"),
                as_of=moment_in(body.get("as_of")),
                reference=reference_in(body),
            )
        if "reference" in body:
            return cls(
                features={name: body[name] for name in body if name != "reference"}, reference=reference_in(body)
            )
        return cls(features=body)


def refuse_strangers(body: Mapping[str, Any], known: set[str]) -> None:
    strangers = [name for name in body if name not in known]
    if strangers:
        raise InvalidFields(
            [
                Problem("unknown_field", name, f"'{name[:64]}' is no field here; there are {', '.join(sorted(known))}")
                for name in strangers
            ]
        )


def name_in(body: Mapping[str, Any], field: str) -> str | None:
    value = body.get(field)
    if field in body and not (isinstance(value, str) and 0 < len(value) <= 64 and "\x00" not in value):
        raise Invalid(f"'{field}' must be a name", code="not_a_name", field=field)
    return value


def version_in(body: Mapping[str, Any]) -> int | None:
    value = body.get("version")
    if "version" in body and (not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 2**31):
        raise Invalid("'version' must be a whole number from 1 on", code="not_a_version", field="version")
    return value


def reference_in(body: Mapping[str, Any]) -> str:
    """The client's own text for this answer."""
    value = body.get("reference", "")
    if isinstance(value, str) and len(value) <= LONGEST_REFERENCE and "\x00" not in value:
        return value
    raise Invalid(
        f"'reference' must be a text of at most {LONGEST_REFERENCE} characters",
        code="not_a_reference",
        field="reference",
    )


def moment_in(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is not None and 1970 < moment.year < 9000:  # so that no candle before it or after it overflows
            return moment.astimezone(UTC)
    except ValueError:
        pass
    raise Invalid(
        "'as_of' must be a moment with its offset, such as 2026-01-30T00:00:00Z", code="not_a_moment", field="as_of"
    )
