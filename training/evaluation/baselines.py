"""The four naive rules that a model has to beat.

Each maps (base_rate, last_return), both (n,) and known at as_of, to calls of up. base_rate: share of ups in the
training rows of the row's fold. last_return: log return of the candle at as_of, NaN where unknown; momentum and
reversal then call what majority calls.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.evaluation.metrics import Calls, called_up
from training.series import Floats, Seconds

Rule = Callable[[Floats, Floats], Calls]


def last_returns(closes: Floats, as_of: Seconds, *, interval: int) -> Floats:
    """(m,) log return from the candle before to that of as_of; NaN where the row before is not one interval older.

    closes: (m,) prices > 0 at as_of, rows in time order with holes. interval: seconds.

    >>> last_returns(np.array([1.0, np.e, np.e]), np.array([60, 120, 240]), interval=60)
    array([nan,  1., nan])
    """
    returns = np.full(len(closes), np.nan)
    returns[1:] = np.where(np.diff(as_of) == interval, np.diff(np.log(closes)), np.nan)
    return returns


def majority(base_rate: Floats, last_return: Floats) -> Calls:
    """What most training rows did; up on a tie."""
    return called_up(base_rate)


def always_up(base_rate: Floats, last_return: Floats) -> Calls:
    return np.ones(len(base_rate), dtype=np.bool_)


def momentum(base_rate: Floats, last_return: Floats) -> Calls:
    """The last candle's direction again."""
    return _where_known(last_return > 0, base_rate, last_return)


def reversal(base_rate: Floats, last_return: Floats) -> Calls:
    """The other direction; an unchanged close was no up, so that up is called after it."""
    return _where_known(last_return <= 0, base_rate, last_return)


def _where_known(calls: Calls, base_rate: Floats, last_return: Floats) -> Calls:
    known: NDArray[np.bool_] = ~np.isnan(last_return)
    return np.where(known, calls, majority(base_rate, last_return))


RULES: dict[str, Rule] = {"majority": majority, "always_up": always_up, "momentum": momentum, "reversal": reversal}
