"""Indicators of price: (n,) float64 in, oldest first, (n,) float64 out; NaN as in `windows`.

Defined for prices above zero between 1e-100 and 1e100; on a flat window each has a value chosen on purpose, stated
below. All are dimensionless but the two of MACD, which are in the unit of price.
"""

import numpy as np

from training.features.windows import added, ema, lagged, less_mean, log, moving_average, rolling_std
from training.series import Floats

SMALLEST_SPREAD = 1e-6  # a hundredth of a basis point: the logarithm of a spread below it is that of this one


def otherwise(numerator: Floats, denominator: Floats, *, when_zero: float) -> Floats:
    """The ratio, and `when_zero` where the denominator is exactly 0."""
    is_zero = denominator == 0
    return np.where(is_zero, when_zero, numerator / np.where(is_zero, 1.0, denominator))


def simple_return(prices: Floats) -> Floats:
    """Change since the candle before, as a fraction. Entry t sees t-1 and t."""
    return prices / lagged(prices, 1) - 1


def log_return(prices: Floats, periods: int) -> Floats:
    """Logarithm of the price over that of `periods` candles before. Entry t sees t-periods and t; flat: 0.

    >>> log_return(np.array([1.0, np.e, np.e]), 1)
    array([nan,  1.,  0.])
    """
    return log(prices / lagged(prices, periods))


def price_to_average(prices: Floats, window: int) -> Floats:
    """How far the price lies above its moving average, as a fraction. Entry t sees t-window+1..t; flat: 0."""
    return prices / moving_average(prices, window) - 1


def rsi(prices: Floats, window: int = 14) -> Floats:
    """Cutler's relative strength index, 0 to 100: gains as a share of all movement, over plain window sums.

    Wilder's smooths recursively, so that it remembers for ever; the two agree where his begins. Entry t sees
    t-window..t; a flat window, with neither gains nor losses: 50.

    >>> rsi(np.array([1.0, 2.0, 3.0, 2.0, 2.0, 2.0]), 2)
    array([ nan,  nan, 100.,  50.,   0.,  50.])
    """
    change = prices - lagged(prices, 1)
    gains = added(np.maximum(lagged(change, lag), 0) for lag in range(window))
    moves = added(np.abs(lagged(change, lag)) for lag in range(window))
    return 100 * otherwise(gains, moves, when_zero=0.5)


def macd(prices: Floats, fast: int = 12, slow: int = 26, *, taps: int | None = None) -> Floats:
    """Fast minus slow exponential average, in the unit of price. Entry t sees the taps of the slow one; flat: 0."""
    return ema(prices, fast, taps=taps) - ema(prices, slow, taps=taps)


def macd_histogram(prices: Floats, fast: int = 12, slow: int = 26, signal: int = 9) -> Floats:
    """MACD minus its own exponential average, in the unit of price. Entry t sees both tap counts, less 1."""
    line = macd(prices, fast, slow)
    return line - ema(line, signal)


def bollinger_b(prices: Floats, window: int = 20) -> Floats:
    """Where the price stands between the bands, mean -+ 2 population deviations: 0 the lower, 1 the upper.

    Entry t sees t-window+1..t; flat: 0.5, the middle.

    >>> bollinger_b(np.array([1.0, 1.0, 1.0, 3.0]), 2)
    array([ nan, 0.5 , 0.5 , 0.75])
    """
    deviations = otherwise(less_mean(prices, window), rolling_std(prices, window, ddof=0), when_zero=0.0)
    return 0.5 + deviations / 4


def bollinger_log_width(prices: Floats, window: int = 20) -> Floats:
    """Logarithm of the bands' distance over their middle. Entry t sees t-window+1..t; flat: that of SMALLEST_SPREAD."""
    return log_spread(4 * rolling_std(prices, window, ddof=0) / moving_average(prices, window))


def realised_volatility(prices: Floats, returns: int) -> Floats:
    """Standard deviation of the last log returns, per candle, not annualised. Entry t sees t-returns..t; flat: 0."""
    return rolling_std(log_return(prices, 1), returns)


def log_spread(spread: Floats) -> Floats:
    """Logarithm, from SMALLEST_SPREAD upwards: finite on a flat market.

    >>> log_spread(np.array([0.0, 1.0, np.nan]))
    array([-13.81551056, 0. , nan])
    """
    return log(np.maximum(spread, SMALLEST_SPREAD))
