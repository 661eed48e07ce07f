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
from predictions import log
from predictions.engine import LoadedVersion, Serving, engine
from predictions.ids import uuid7
from predictions.models import ApiKey, Prediction
from predictions.vectors import vector_of
from training.datasets import candles_sha256, newest_vector
from training.evaluation.metrics import called_up
from training.features.feature_set import feature_set
from training.models import Market

MARKET_FIELDS = {"market", "model", "version", "as_of"}
FEATURES_FIELDS = {"model", "version", "features"}


@dataclass(frozen=True)
class Asked:
    """A body of POST /predict, its three forms told apart: flat features, `features`, or `market`."""

    model: str | None = None
    version: int | None = None
    features: Mapping[str, Any] | None = None
    market: str | None = None
    as_of: datetime | None = None

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
            return cls(_name(body, "model"), _number(body), body["features"])
        if "market" in body:
            _refuse_strangers(body, MARKET_FIELDS)
            return cls(
                _name(body, "model"), _number(body), market=_name(body, "market"), as_of=_moment(body.get("as_of"))
            )
        return cls(features=body)


@dataclass(frozen=True)
class Evidence:
    """What the model is shown, and where it came from."""

    vector: NDArray[np.float32]
    market: str = ""
    as_of: datetime | None = None
    target_at: datetime | None = None
    candles_sha256: str = ""
    warnings: tuple[str, ...] = ()


def answer(asked: Asked, *, key: ApiKey | None, actor: str) -> Prediction:
    """Compute one answer and log it; it is durable when this returns.

    Raises Invalid for wrong input, Unknown for names that we do not hold, Unavailable where nothing can answer, and
    Refused for stale or missing candles.
    """
    if asked.market is not None:
        market = Market.objects.named(asked.market)
        serving = engine.serving(asked.model or asked.market, trial=asked.version)
        shown = evidence_of_market(market, serving.version, as_of=asked.as_of)
    else:
        serving = engine.serving(asked.model, trial=asked.version)
        shown = Evidence(vector_of(asked.features or {}, serving.version.feature_names))
    [probability] = serving.version.classifier.probability_up(shown.vector[np.newaxis, :])
    prediction = prediction_of(serving, shown, probability, key=key, actor=actor)
    log.write(prediction)
    return prediction


def evidence_of_market(market: Market, version: LoadedVersion, *, as_of: datetime | None) -> Evidence:
    """The vector of the newest stored candles, or of those at a past moment `as_of`.

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
    features = feature_set(version.feature_set)
    candles = market.candles.ending_at(seen_until, candles=features.window, step=market.step)
    series = candles.series(interval=int(market.step.total_seconds()))
    target_at = market.known_at(seen_until + version.horizon * market.step)
    return Evidence(
        vector=newest_vector(series, features, as_of=int(seen_until.timestamp())),
        market=market.name,
        as_of=seen_until,
        target_at=target_at,
        candles_sha256=candles_sha256(series),
        warnings=("target_already_closed",) if moment >= target_at else (),
    )


def prediction_of(
    serving: Serving, shown: Evidence, probability: np.float32, *, key: ApiKey | None, actor: str
) -> Prediction:
    """The row of one answer, not saved yet. Raises Refused where the model gave no number."""
    version = serving.version
    if not np.isfinite(probability):
        raise Refused(f"{version.model} version {version.number} gave no number for this vector", code="no_answer")
    instant = now()
    made_at = instant.replace(microsecond=instant.microsecond // 1000 * 1000)  # as fine as the id tells it
    return Prediction(
        id=uuid7(made_at),
        made_at=made_at,
        model_id=version.model_id,
        version_id=version.pk,
        deployment_id=serving.deployment,
        generation=serving.generation,
        role=Prediction.Role.TRIAL if serving.deployment is None else Prediction.Role.PRODUCTION,
        actor=actor,
        key=key,
        market=shown.market,
        horizon=version.horizon,
        as_of=shown.as_of,
        target_at=shown.target_at,
        candles_sha256=shown.candles_sha256,
        vector=shown.vector.astype(np.float64).tolist(),
        probability_up=float(probability),
        direction=Prediction.Direction.UP if called_up(probability) else Prediction.Direction.DOWN,
        simulated=version.simulated,
        warnings=[*serving.warnings, *shown.warnings],
    )


def _newest(market: Market, moment: datetime) -> datetime:
    newest = market.newest()
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
