"""What was earned for each unit of fluctuation, and what is left of it when the best of many trials was chosen."""

from collections.abc import Sequence
from math import e, isnan, nan, sqrt
from statistics import NormalDist, stdev

import numpy as np

from training.series import Floats

YEAR = 365 * 86_400  # seconds: these markets never close
STILL = 1e-12  # of the mean square: a variance below that is rounding
NORMAL = NormalDist()


def sharpe_ratio(returns: Floats) -> float:
    """Mean over standard deviation of (n,) returns, beside a riskless rate of 0; not annualised.

    NaN where nothing fluctuates. Sharpe (1994), The Sharpe ratio.

    >>> round(sharpe_ratio(np.array([0.01, 0.03])), 12)
    2.0
    """
    return float(sharpe_of_sums(np.array(len(returns)), returns.sum(), (returns**2).sum()))


def sharpe_of_sums(n: Floats, total: Floats, squares: Floats) -> Floats:
    """The same of returns of which only their number, their sum and the sum of their squares are known."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, square = total / n, squares / n
        variance = square - mean**2
        ratios: Floats = np.where(variance > STILL * square, mean / np.sqrt(variance), nan)
    return ratios


def bets_per_year(*, interval: int, horizon: int) -> float:
    """By whose root a ratio of bets over `horizon` candles of `interval` seconds is annualised (Lo, 2002)."""
    return YEAR / (interval * horizon)


def expected_best(spread: float, trials: int) -> float:
    """The Sharpe ratio that the best of so many trials has by luck alone, when they spread by `spread` (a standard
    deviation) around 0.

    The False Strategy theorem: Bailey & Lopez de Prado (2014), The deflated Sharpe ratio. Trials that resemble each
    other count for less than their number, so that this asks too much rather than too little.
    """
    if trials < 2:
        return 0.0
    first, second = NORMAL.inv_cdf(1 - 1 / trials), NORMAL.inv_cdf(1 - 1 / (trials * e))
    return spread * ((1 - np.euler_gamma) * first + np.euler_gamma * second)


def probability_above(benchmark: float, *, sharpe: float, n: int, skewness: float, kurtosis: float) -> float:
    """Probability that the true Sharpe ratio lies above a benchmark, both of single returns, n of them.

    kurtosis: 3 for normal returns. Bailey & Lopez de Prado (2012), The Sharpe ratio efficient frontier. NaN where the
    moments allow none.
    """
    square = 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if isnan(square) or square <= 0 or n < 2:
        return nan
    return NORMAL.cdf((sharpe - benchmark) * sqrt(n - 1) / sqrt(square))


def deflated_sharpe_ratio(returns: Floats, trials: Sequence[float], *, horizon: int) -> tuple[float, float]:
    """Probability that the true ratio of these returns lies above what the best trial has by luck; and that benchmark.

    returns: (n,), each of a bet over `horizon` candles, so that n / horizon of them do not overlap. trials: Sharpe
    ratios of single bets, these returns' own among them. One trial alone is held against 0.
    """
    benchmark = expected_best(stdev(trials) if len(trials) > 1 else 0.0, len(trials))
    skewness, kurtosis = _shape(returns)
    probability = probability_above(
        benchmark, sharpe=sharpe_ratio(returns), n=len(returns) // horizon, skewness=skewness, kurtosis=kurtosis
    )
    return probability, benchmark


def _shape(returns: Floats) -> tuple[float, float]:
    """Skewness and kurtosis; NaN where nothing fluctuates."""
    if isnan(sharpe_ratio(returns)):
        return nan, nan
    off = returns - returns.mean()
    spread = off.std()
    return float((off**3).mean() / spread**3), float((off**4).mean() / spread**4)
