"""Closes that cannot be believed: a leap far out of the ordinary that the next candle takes back.

What stays is news, however far it goes, and no outlier. What goes and comes back within two candles is most often a
fault of the source, and sometimes the market itself: no arithmetic on closes can tell, so a person may.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from training.features.feature import present
from training.labels import log_return
from training.series import Flags, Floats

SIGMAS = 10.0
RETURNED = 0.8  # of a leap, at least: what remains after the next candle is a fifth of it or less, either way
WINDOW = 100  # returns before a candle's own, of which sigma is taken
FEWEST_KNOWN = 50  # of them; with more holes a sigma means little, and nothing is flagged
LEAST_SIGMA = 0.001  # so that no return below 1 % is an outlier, in a market that hardly moves
LOOKBACK = WINDOW + 1  # candles before one that its flag depends on, beside itself and the one after it
MAD_TO_SIGMA = 1.4826  # of normal returns
CHUNK = 10_000  # windows sorted at once


def outliers(closes: Floats) -> Flags:
    """Which candles leapt and came back.

    closes: (n,) prices on a regular grid, oldest first, NaN in a hole. Result: (n,); entry t is True where the log
    return from t-1 to t is beyond 10 robust sigmas of the 100 returns before it, and the return from t to t+1 takes
    back 80 to 120 % of it. Entry t sees closes[t-101..t+1]: the last entry is False, for nobody knows yet, and so are
    those that have fewer than 50 returns before them or a hole beside them.

    >>> closes = 100 + np.arange(200) % 2.0
    >>> closes[150] = 80
    >>> np.flatnonzero(outliers(closes))
    array([150])
    """
    flags = np.zeros(len(closes), dtype=np.bool_)
    if len(closes) < 3:
        return flags
    with np.errstate(all="ignore"):  # of absurd prices a ratio overflows
        returns = _returns(np.where(present(closes), closes, np.nan))
        leap = np.abs(returns[:-1])
        remains = np.abs(returns[:-1] + returns[1:])
        leapt = 1 + np.flatnonzero((leap > SIGMAS * LEAST_SIGMA) & (remains <= (1 - RETURNED) * leap))
    flags[leapt] = np.abs(returns[leapt - 1]) > SIGMAS * robust_sigmas(returns, before=leapt - 1)
    return flags


def robust_sigmas(returns: Floats, *, before: NDArray[np.int64]) -> Floats:
    """Sigma of the 100 returns before each of the places given, by their median distance from zero.

    returns: (n,) log returns, NaN where unknown. before: (m,) places. Result: (m,), NaN where fewer than 50 of the
    returns are known. A few leaps among them, however far, hardly move it.
    """
    padded = np.concatenate([np.full(WINDOW, np.nan), np.abs(returns)])
    windows = sliding_window_view(padded, WINDOW)  # at place t: the returns t-100 ... t-1
    medians = [_medians(windows[before[start : start + CHUNK]]) for start in range(0, len(before), CHUNK)]
    return MAD_TO_SIGMA * np.concatenate([np.empty(0), *medians])


def _returns(closes: Floats) -> Floats:
    """(n - 1,): entry t leads from t to t+1; finite between any two prices above zero."""
    before, after = closes[:-1], closes[1:]
    ratios = after / before
    normal = np.isfinite(ratios) & (ratios >= np.finfo(np.float64).tiny)  # no overflow, and no bits lost below
    returns: Floats = np.where(normal, log_return(before, after), np.log(after) - np.log(before))
    return returns


def _medians(windows: Floats) -> Floats:
    """Of what is known of each row; NaN where that is too little. By sorting: the same bits however rows are cut."""
    ordered = np.sort(windows, axis=1)  # what is unknown comes last
    known = np.isfinite(ordered).sum(axis=1)
    rows = np.arange(len(windows))
    middle = (ordered[rows, (known - 1) // 2] + ordered[rows, known // 2]) / 2
    return np.where(known >= FEWEST_KNOWN, middle, np.nan)
