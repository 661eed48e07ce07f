"""Windows over arrays, in arithmetic whose bits do not depend on where the array was cut.

An answer computed from the last hundred candles must be the number that training saw, to the bit. A reduction
(np.mean, np.sum, a sliding view) adds in an order that depends on length and strides, a cumulative sum remembers for
ever; so a window here is walked lag by lag, always in the same order, and each step is one elementwise operation.

Every function takes (n,) float64, oldest first, and gives (n,) float64. NaN anywhere in the window gives NaN, and so
does a window that begins before the array does: nothing is filled. A window's values are measured from its newest
one, so that a flat window has a mean of exactly its price and a spread of exactly zero.
"""

from collections.abc import Iterable, Iterator
from functools import reduce
from math import fsum

import numpy as np
from numpy.typing import NDArray

from training.series import Floats

EMA_TAPS_PER_SPAN = 3


def lagged(values: Floats, lag: int) -> Floats:
    """What the value was `lag` candles before. Entry t sees values[t-lag]; the first `lag` are NaN.

    >>> lagged(np.array([1.0, 2.0, 3.0]), 1)
    array([nan,  1.,  2.])
    """
    shifted = np.full(len(values), np.nan)
    shifted[lag:] = values[: max(len(values) - lag, 0)]
    return shifted


def log(values: Floats) -> Floats:
    """Natural logarithm. NumPy has a second routine for odd strides, with other last bits: they never get there."""
    return np.log(np.ascontiguousarray(values))


def added(terms: Iterable[Floats]) -> Floats:
    """The terms one after another, in the order given."""
    return reduce(np.add, terms)


def offsets(values: Floats, window: int) -> Iterator[Floats]:
    """How far each value of the window lies from its newest one, newest first."""
    return (lagged(values, lag) - values for lag in range(window))


def less_mean(values: Floats, window: int) -> Floats:
    """The newest value minus the mean of its window: exactly 0 on a flat one."""
    return -added(offsets(values, window)) / window


def moving_average(values: Floats, window: int) -> Floats:
    """Plain mean of the last `window` values, in their unit. Entry t sees values[t-window+1..t].

    >>> moving_average(np.array([1.0, 2.0, 6.0]), 2)
    array([nan, 1.5, 4. ])
    """
    return values - less_mean(values, window)


def rolling_std(values: Floats, window: int, *, ddof: int = 1) -> Floats:
    """Standard deviation of the last `window` values, in their unit, by two passes. Entry t sees values[t-window+1..t].

    >>> rolling_std(np.array([1.0, 1.0, 1.0, 3.0]), 2, ddof=0)
    array([nan,  0.,  0.,  1.])
    """
    mean = -less_mean(values, window)
    squares = (np.square(offset - mean) for offset in offsets(values, window))
    return np.sqrt(added(squares) / (window - ddof))


def ema_weights(span: int, taps: int) -> list[float]:
    """Weights of a truncated exponential mean, newest first; they add up to 1."""
    decay = 1 - 2 / (span + 1)
    weights = [decay**lag for lag in range(taps)]
    total = fsum(weights)
    return [weight / total for weight in weights]


def ema(values: Floats, span: int, *, taps: int | None = None) -> Floats:
    """Exponential moving average with a bounded memory, in the values' unit. Entry t sees values[t-taps+1..t].

    The usual recursion (alpha = 2 / (span + 1)) remembers for ever. This one stops after `taps`, three spans unless
    told, and shares what is left out among them: (1 - alpha)^taps of the weight, at most 0.25 % for three spans.

    >>> ema(np.array([2.0, 2.0, 2.0, 5.0]), 3, taps=2)
    array([nan,  2.,  2.,  4.])
    """
    weights = ema_weights(span, taps or EMA_TAPS_PER_SPAN * span)
    return values + added(w * offset for w, offset in zip(weights, offsets(values, len(weights)), strict=True))


def unbroken(present: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many entries in a row, ending with t, are present.

    >>> unbroken(np.array([True, True, False, True]))
    array([1, 2, 0, 1])
    """
    places = np.arange(len(present))
    newest_gap = np.maximum.accumulate(np.where(present, -1, places))
    return places - newest_gap
