"""What following the calls would have brought, after costs."""

from math import nan

import numpy as np

from training.datasets import stamp
from training.evaluation.metrics import Calls
from training.series import Floats, Seconds

COST = 10.0  # basis points per unit turned over
BP = 1e4
POINTS = 200


def after_costs(calls: Calls, log_return: Floats, *, horizon: int, cost: float = COST) -> dict[str, float]:
    """Mean log return per candle, in basis points, of holding the coin while up is called and cash otherwise.

    calls: (n,) in time order. log_return: (n,) over `horizon` candles from each row. A horizon of h candles is traded
    as h equal parts of the capital, each of which follows every h-th call. `turnover` is the capital moved per candle;
    each unit of it costs `cost`. `hold_bp` is what holding throughout brought, before its one purchase.
    """
    if len(calls) == 0:
        return {"cost_bp": cost, "turnover": nan, "gross_bp": nan, "net_bp": nan, "hold_bp": nan}
    turnover = float(_turned_over(calls, horizon=horizon).mean())
    gross = float((calls * log_return).mean() / horizon * BP)
    return {
        "cost_bp": cost,
        "turnover": turnover,
        "gross_bp": gross,
        "net_bp": gross - cost * turnover,
        "hold_bp": float(log_return.mean() / horizon * BP),
    }


def equity(
    model: Calls, naive: Calls, log_return: Floats, as_of: Seconds, *, horizon: int, cost: float = COST
) -> dict[str, list[float] | list[str]]:
    """Curves of the log return so far: the model's calls and a naive rule's, after costs, beside holding throughout.

    All (n,), in time order, as `after_costs` has them, whose figures are these curves' ends divided by n. 200 points
    at most, each counted up to the row of its as_of, whose own return is known `horizon` candles later; rounded to
    1e-6, which no plot shows.
    """
    curves = {
        "model": _net(model, log_return, horizon=horizon, cost=cost),
        "naive": _net(naive, log_return, horizon=horizon, cost=cost),
        "hold": log_return / horizon,
    }
    shown = np.unique(np.linspace(0, len(as_of) - 1, min(POINTS, len(as_of))).round().astype(np.intp))
    return {
        "as_of": [stamp(seconds) for seconds in as_of[shown]],
        **{name: np.cumsum(curve)[shown].round(6).tolist() for name, curve in curves.items()},
    }


def _net(calls: Calls, log_return: Floats, *, horizon: int, cost: float) -> Floats:
    """(n,) log return of each row's part of the capital, less what moving it costs."""
    net: Floats = calls * log_return / horizon - cost / BP * _turned_over(calls, horizon=horizon)
    return net


def _turned_over(calls: Calls, *, horizon: int) -> Floats:
    """(n,) share of the capital moved at each row: the part that follows it changes sides, or buys first of all."""
    held = calls.astype(np.float64)
    before = np.concatenate([np.zeros(min(horizon, len(held))), held[:-horizon]])
    moved: Floats = np.abs(held - before) / horizon
    return moved
