"""What following the calls would have brought, after costs."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.datasets import stamp
from training.evaluation.bootstrap import Draws, Interval
from training.evaluation.metrics import Calls
from training.evaluation.sharpe import bets_per_year, sharpe_of_sums, sharpe_ratio
from training.series import Floats, Seconds

BP = 1e4
POINTS = 200


@dataclass(frozen=True)
class Costs:
    """Basis points per unit turned over: the exchange's fee, and what a market order pays beside the close.

    10 is a usual taker's fee of a private customer. 2 is for a coin that is much traded: half the distance of bid and
    ask, and a little of the book; of small coins it is a multiple.
    """

    cost_bp: float = 10.0
    slippage_bp: float = 2.0

    @property
    def share(self) -> float:
        return (self.cost_bp + self.slippage_bp) / BP


def after_costs(calls: Calls, log_return: Floats, *, horizon: int, costs: Costs = Costs()) -> dict[str, float]:
    """Mean log return per candle, in basis points, of holding the coin while up is called and cash otherwise.

    calls: (n,) in time order. log_return: (n,) over `horizon` candles from each row. A horizon of h candles is traded
    as h equal parts of the capital, each of which follows every h-th call. `turnover` is the capital moved per candle;
    each unit of it costs fee and slippage. `hold_bp` is what holding throughout brought, before its one purchase.
    """
    if len(calls) == 0:
        return {**asdict(costs), "turnover": nan, "gross_bp": nan, "net_bp": nan, "hold_bp": nan}
    turnover = float(_turned_over(calls, horizon=horizon).mean())
    gross = float((calls * log_return).mean() / horizon * BP)
    return {
        **asdict(costs),
        "turnover": turnover,
        "gross_bp": gross,
        "net_bp": gross - costs.share * BP * turnover,
        "hold_bp": float(log_return.mean() / horizon * BP),
    }


def net_returns(calls: Calls, log_return: Floats, *, horizon: int, costs: Costs = Costs()) -> Floats:
    """(n,) log return of each row's part of the capital, less what moving it costs; their mean is `net_bp`."""
    net: Floats = calls * log_return / horizon - costs.share * _turned_over(calls, horizon=horizon)
    return net


def one_candle_later(calls: Calls) -> Calls:
    """(n,) each call carried out at the close after its own, in cash until the first. Where rows lie apart, because
    some were dropped between them, it is the next row's close."""
    return np.concatenate([np.zeros(min(1, len(calls)), dtype=np.bool_), calls[:-1]])


def risk(net: Floats, draws: Draws, *, interval: int | None) -> dict[str, Any]:
    """Sharpe ratio and maximum drawdown of (n,) net returns, each of a bet over as many candles as the draws' horizon.

    interval: seconds of a candle, to annualise by. Bets of one part of the capital follow each other without overlap,
    so that the ratio of single bets is multiplied by the root of their number in a year.
    """
    bet = draws.figure(sharpe_ratio(net), np.stack([net, net**2], axis=1), _resampled_ratio(len(net)))
    return {
        "sharpe": _annual(bet, interval, draws.horizon),
        "sharpe_per_candle": bet.value / sqrt(draws.horizon),
        "max_drawdown": float(drawdowns(net).max(initial=0.0)),
    }


def drawdowns(net: Floats) -> Floats:
    """(n,) share lost since the highest point so far, the start among them. net: (n,) log returns.

    >>> drawdowns(np.log([2.0, 0.5, 0.5, 4.0])).round(6).tolist()
    [0.0, 0.5, 0.75, 0.0]
    """
    curve = np.cumsum(net)
    lost: Floats = 1 - np.exp(curve - np.maximum.accumulate(np.maximum(curve, 0.0)))
    return lost


def equity(curves: Mapping[str, Floats], as_of: Seconds) -> dict[str, Any]:
    """Of each curve's (n,) log returns the sum so far, and how far below its highest point it was.

    200 points at most, each counted up to the row of its as_of, whose own return is known `horizon` candles later;
    a drawdown is the deepest since the point before, so that none hides between two points. Rounded to 1e-6, which no
    plot shows.
    """
    shown = np.unique(np.linspace(0, len(as_of) - 1, min(POINTS, len(as_of))).round().astype(np.intp))
    return {
        "as_of": [stamp(seconds) for seconds in as_of[shown]],
        **{name: np.cumsum(net)[shown].round(6).tolist() for name, net in curves.items()},
        "drawdown": {name: _deepest(drawdowns(net), shown).round(6).tolist() for name, net in curves.items()},
    }


def _deepest(lost: Floats, shown: NDArray[np.intp]) -> Floats:
    """The largest from after the point before up to each point."""
    if len(shown) == 0:
        return lost
    deepest: Floats = np.maximum.reduceat(lost, np.concatenate([[0], shown[:-1] + 1]))
    return deepest


def _resampled_ratio(n: int) -> Callable[[Floats], Floats]:
    return lambda sums: sharpe_of_sums(np.array(n), sums[:, 0], sums[:, 1])


def _annual(bet: Interval, interval: int | None, horizon: int) -> dict[str, float] | None:
    if interval is None:
        return None
    return bet.times(sqrt(bets_per_year(interval=interval, horizon=horizon))).bounds


def _turned_over(calls: Calls, *, horizon: int) -> Floats:
    """(n,) share of the capital moved at each row: the part that follows it changes sides, or buys first of all."""
    held = calls.astype(np.float64)
    before = np.concatenate([np.zeros(min(horizon, len(held))), held[:-horizon]])
    moved: Floats = np.abs(held - before) / horizon
    return moved
