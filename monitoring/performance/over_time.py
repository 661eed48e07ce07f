"""The same figures period by period, and what following the calls brought so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from monitoring.evidence import Evidence
from monitoring.intervals import of_share
from monitoring.performance.figure import FEWEST, Figure
from monitoring.performance.figures import COSTS, SEED
from training.evaluation.bootstrap import Draws
from training.evaluation.trading import equity, net_returns

PERIODS = 12


@dataclass(frozen=True)
class Period:
    """Closes that follow each other, named by the first of them."""

    first_as_of: np.datetime64
    hit_rate: Figure


def periods(evidence: Evidence, *, horizon: int) -> list[Period]:
    """Of about equal numbers of calls, oldest first: twelve, or as many as hold enough calls each."""
    called = evidence.called
    count = min(PERIODS, len(called) // FEWEST)
    if count == 0:
        return []
    return [_period(called, places, horizon) for places in np.array_split(np.arange(len(called)), count)]


def returns_so_far(evidence: Evidence, *, horizon: int) -> dict[str, Any]:
    """Of the model after costs and of holding: as a report's equity, the candles of both the same."""
    net = net_returns(evidence.called_up, evidence.log_return, horizon=horizon, costs=COSTS)
    seconds = evidence.as_of.astype("datetime64[s]").astype(np.int64)
    return equity({"model": net, "hold": evidence.log_return / horizon}, seconds)


def _period(called: Evidence, places: np.ndarray[Any, np.dtype[np.intp]], horizon: int) -> Period:
    hits, share_up = called.hits[places], float(called.went_up[places].mean())
    bounds = of_share(hits, Draws(len(hits), horizon=horizon, seed=SEED))
    rate = Figure.of(float(hits.mean()), bounds, n=len(hits), baseline=max(share_up, 1 - share_up))
    return Period(called.as_of[places[0]], rate)
