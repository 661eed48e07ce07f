"""The verb of the product: from a request to an answer that is in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, InvalidFields, Problem, Refused
from predictions.answers import FROM_THE_CLIENT, Answers, Asker, Evidence, answers_of
from predictions.engine import ServedVersion, engine
from predictions.newest import vector_seen
from predictions.vectors import vector_of
from training.models import Market

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
            _refuse_strangers(body, FEATURES_FIELDS)
            if not isinstance(body["features"], dict):
                raise Invalid(
                    "'features' must be an object of names and numbers", code="not_an_object", field="features"
                )
            return cls(_name(body, "model"), _number(body), body["features"], reference=_reference(body))
        if "market" in body:
            _refuse_strangers(body, MARKET_FIELDS)
            return cls(
                _name(body, "model"),
                _number(body),
                market=_name(body, "market"),
                as_of=_moment(body.get("as_of")),
                reference=_reference(body),
            )
        if "reference" in body:
            return cls(features={name: body[name] for name in body if name != "reference"}, reference=_reference(body))
        return cls(features=body)


def answer(asked: Asked, *, asker: Asker) -> Answers:
    """Compute one answer; it is for the caller to log it before it is given.

    Raises Invalid for wrong input, Unknown for names that we do not hold, Unavailable where nothing can answer, and
    Refused for stale or missing candles.
    """
    if asked.market is not None:
        market = Market.objects.with_newest().named(asked.market)
        serving = engine.serving(asked.model or asked.market, trial=asked.version)
        vector, evidence = seen_of_market(market, serving.version, as_of=asked.as_of)
    else:
        serving = engine.serving(asked.model, trial=asked.version)
        vector, evidence = vector_of(asked.features or {}, serving.version.feature_names), FROM_THE_CLIENT
    X = vector[np.newaxis, :]
    probability_up = engine.probability_up(serving.version, X)
    return answers_of(serving, X, probability_up, asker=asker, evidence=evidence, reference=asked.reference)


def seen_of_market(
    market: Market, version: ServedVersion, *, as_of: datetime | None
) -> tuple[NDArray[np.float32], Evidence]:
    """The vector of the newest stored candles, or of those at a past moment `as_of`; and where it came from.

    Raises Invalid for a model of another market or a moment off the grid, Refused when the newest candles are stale or
    the window has a hole.
    """
    if version.market != market.name:
        raise Invalid(
            f"model {version.model} forecasts {version.market}, not {market}",
            code="model_of_another_market",
            field="model",
        )
    moment = now()
    seen_until = _newest(market, moment) if as_of is None else _aligned(market, as_of, moment)
    seen = vector_seen(market, version.feature_set, seen_until)
    target_at = market.known_at(seen_until + version.horizon * market.step)
    return seen.vector, Evidence(
        market=market.name,
        as_of=seen_until,
        target_at=target_at,
        candles_sha256=seen.candles_sha256,
        warnings=("target_already_closed",) if moment >= target_at else (),
    )


def _newest(market: Market, moment: datetime) -> datetime:
    newest = market.newest_opened_at
    if newest is None:
        raise Refused(f"market {market} has no candles yet: load some", code="no_candles", field="market")
    market.check_fresh(newest, at=moment)
    return newest


def _aligned(market: Market, as_of: datetime, moment: datetime) -> datetime:
    if as_of.timestamp() % market.step.total_seconds():
        raise Invalid(
            f"'as_of' is the open time of a candle: those of {market} open every {market.interval} from 00:00 UTC on",
            code="as_of_off_grid",
            field="as_of",
        )
    if market.known_at(as_of) > moment:
        raise Invalid(
            f"the candle that opens at {as_of:%Y-%m-%d %H:%M} has not closed yet",
            code="as_of_not_closed",
            field="as_of",
        )
    return as_of


def _refuse_strangers(body: Mapping[str, Any], known: set[str]) -> None:
    strangers = [name for name in body if name not in known]
    if strangers:
        raise InvalidFields(
            [
                Problem("unknown_field", name, f"'{name[:64]}' is no field here; there are {', '.join(sorted(known))}")
                for name in strangers
            ]
        )


def _name(body: Mapping[str, Any], field: str) -> str | None:
    value = body.get(field)
    if field in body and not (isinstance(value, str) and 0 < len(value) <= 64 and "\x00" not in value):
        raise Invalid(f"'{field}' must be a name", code="not_a_name", field=field)
    return value


def _number(body: Mapping[str, Any]) -> int | None:
    value = body.get("version")
    if "version" in body and (not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 2**31):
        raise Invalid("'version' must be a whole number from 1 on", code="not_a_version", field="version")
    return value


def _reference(body: Mapping[str, Any]) -> str:
    """The client's own text for this answer."""
    value = body.get("reference", "")
    if isinstance(value, str) and len(value) <= LONGEST_REFERENCE and "\x00" not in value:
        return value
    raise Invalid(
        f"'reference' must be a text of at most {LONGEST_REFERENCE} characters",
        code="not_a_reference",
        field="reference",
    )


def _moment(value: object) -> datetime | None:
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
