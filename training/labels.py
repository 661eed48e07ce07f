"""What the market did: the one definition that training, settling and metrics share."""

import numpy as np

from training.series import Floats


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
