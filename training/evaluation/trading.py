"""What following the calls would have brought, after costs."""

from math import nan

import numpy as np

from training.evaluation.metrics import Calls
from training.series import Floats

COST = 10.0  # basis points per unit turned over
BP = 1e4


def after_costs(calls: Calls, log_return: Floats, *, horizon: int, cost: float = COST) -> dict[str, float]:
    """Mean log return per candle, in basis points, of holding the coin while up is called and cash otherwise.

    calls: (n,) in time order. log_return: (n,) over `horizon` candles from each row. A horizon of h candles is traded
    as h equal parts of the capital, each of which follows every h-th call. `turnover` is the capital moved per candle;
    each unit of it costs `cost`. `hold_bp` is what holding throughout brought, before its one purchase.
    """
    if len(calls) == 0:
        return {"cost_bp": cost, "turnover": nan, "gross_bp": nan, "net_bp": nan, "hold_bp": nan}
    held = calls.astype(np.float64)
    before = np.concatenate([np.zeros(min(horizon, len(held))), held[:-horizon]])
    turnover = float(np.abs(held - before).mean() / horizon)
    gross = float((held * log_return).mean() / horizon * BP)
    hold = float(log_return.mean() / horizon * BP)
    return {
        "cost_bp": cost,
        "turnover": turnover,
        "gross_bp": gross,
        "net_bp": gross - cost * turnover,
        "hold_bp": hold,
    }
