"""The verb of the product: from a request to an answer that is in the log."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, Refused
from predictions.answers import FROM_THE_CLIENT, Answers, Asker, Evidence, answers_of
from predictions.asked import Asked
from predictions.engine import ServedVersion, engine
from predictions.follower import follower
from predictions.newest import features_of, vector_seen
from predictions.vectors import vector_of
from training.models import Market


def answer(asked: Asked, *, asker: Asker) -> Answers:
    """Compute one answer; it is for the caller to log it before it is given.

    Raises Invalid for wrong input, Unknown for names that we do not hold, Unavailable where nothing can answer, and
    Refused for stale or missing candles.
    """
    if asked.market is not None:
        follower.check_reachable()
        market = Market.objects.with_newest().named(asked.market)
        serving = engine.serving(asked.model or asked.market, trial=asked.version)
        vector, evidence = seen_of_market(market, serving.version, as_of=asked.as_of)
    else:
        serving = engine.serving(asked.model, trial=asked.version)
        vector, evidence = vector_of(asked.features or {}, serving.version.feature_names), FROM_THE_CLIENT
    X = vector[np.newaxis, :]
    scored = engine.scored(serving.version, X)
    return answers_of(serving, X, scored, asker=asker, evidence=evidence, reference=asked.reference)


def seen_of_market(
    market: Market, version: ServedVersion, *, as_of: datetime | None
) -> tuple[NDArray[np.float32], Evidence]:
    """The vector of the newest stored candles, or of those at a past moment `as_of`; and where it came from.

    Raises Invalid for a model of another market or a moment off the grid, Refused when the newest candles are stale or
    the window has a hole, Unavailable where the version's feature set has changed.
    """
    if version.market != market.name:
        raise Invalid(
            f"model {version.model} forecasts {version.market}, not {market}",
            code="model_of_another_market",
            field="model",
        )
    moment = now()
    seen_until = _newest(market, moment) if as_of is None else _aligned(market, as_of, moment)
    seen = vector_seen(market, features_of(version), seen_until)
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
