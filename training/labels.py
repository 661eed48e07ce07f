"""What the market did: the one definition that training, settling and metrics share."""

import math

import numpy as np
from numpy.typing import NDArray

from training.features.windows import lagged, rolling_std
from training.series import Floats

SIGMA_WINDOW = 100  # candles


def log_return(start: Floats, end: Floats) -> Floats:
    """Log return from one close to another, elementwise; NaN where either is.

    >>> log_return(np.array([1.0, 1.0]), np.array([np.e, np.nan]))
    array([ 1., nan])
    """
    returns: Floats = np.log(end / start)
    return returns


def log_returns_ahead(closes: Floats, *, horizon: int) -> Floats:
    """Log return from each close to the close `horizon` candles later.

    closes: (n,) prices > 0 on a regular grid, NaN in a hole. Result: (n,) dimensionless; NaN where either close is
    absent, so the last `horizon` entries are NaN.

    >>> log_returns_ahead(np.array([1.0, np.e, np.e, np.nan]), horizon=1)
    array([ 1.,  0., nan, nan])
    """
    returns = np.full(len(closes), np.nan)
    returns[:-horizon] = log_return(closes[:-horizon], closes[horizon:])
    return returns


def went_up(log_returns: Floats) -> Floats:
    """1.0 where the return is above zero, 0.0 where it is not (an unchanged close did not go up), NaN where unknown.

    >>> went_up(np.array([0.1, 0.0, -0.1, np.nan]))
    array([ 1.,  0.,  0., nan])
    """
    return np.where(np.isnan(log_returns), np.nan, (log_returns > 0).astype(np.float64))


def trailing_returns(closes: Floats, *, count: int) -> Floats:
    """Log returns of the last `count` candles as of each row, newest first; 0.0, as if nothing moved, where unknown.

    closes: (n,) prices > 0 on a regular grid, NaN in a hole. Result: (n, count) dimensionless; row t sees
    closes[t-count..t].

    >>> trailing_returns(np.array([1.0, np.e, np.e]), count=2)
    array([[0., 0.],
           [1., 0.],
           [0., 1.]])
    """
    newest = log_return(lagged(closes, 1), closes)
    lags = np.column_stack([lagged(newest, lag) for lag in range(count)])
    returns: Floats = np.where(np.isfinite(lags), lags, 0.0)
    return returns


def trailing_sigma(closes: Floats, *, horizon: int, window: int = SIGMA_WINDOW) -> Floats:
    """Standard deviation that the last `window` one-candle log returns let expect of the return over the horizon.

    closes: (n,) prices > 0 on a regular grid, NaN in a hole. Result: (n,) dimensionless, grown by the square root of
    the horizon as a random walk's would; row t sees closes[t-window..t], NaN where one of them is unknown.

    >>> trailing_sigma(np.exp([0.0, 1.0, 0.0, 1.0]), horizon=4, window=2).round(6)
    array([     nan,      nan, 2.828427, 2.828427])
    """
    sigma: Floats = rolling_std(log_return(lagged(closes, 1), closes), window) * math.sqrt(horizon)
    return sigma


def within_dead_zone(log_returns: Floats, sigma: Floats, *, sigmas: float) -> NDArray[np.bool_]:
    """Where the return is too small, against what its market usually does, for its direction to say anything.

    False where either is unknown, and everywhere for 0 sigmas.

    >>> within_dead_zone(np.array([0.01, -0.03, 0.01]), np.array([0.04, 0.04, np.nan]), sigmas=0.5)
    array([ True, False, False])
    """
    within: NDArray[np.bool_] = np.abs(log_returns) < sigmas * sigma
    return within
