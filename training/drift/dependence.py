"""How many independent values a stretch of a series is worth."""

import numpy as np

from training.series import Floats

WINDOW_OVER_TAU = 5.0  # Sokal's constant: the sum ends at that many autocorrelation times


def autocorrelation_time(values: Floats) -> float:
    """Integrated autocorrelation time, 1 + 2 * (rho_1 + rho_2 + ...), in rows and at least 1.

    values: (n,) in time order. The sum is cut by Sokal's automatic window (Sokal 1997, Monte Carlo methods in
    statistical mechanics: the first lag that is five times the sum so far), since the tail of it is noise.

    >>> autocorrelation_time(np.zeros(100))
    1.0
    """
    centred = values - values.mean()
    n = len(centred)
    spectrum = np.fft.rfft(centred, 2 * n)
    covariance = np.fft.irfft(spectrum * np.conj(spectrum))[:n]
    if n < 2 or covariance[0] <= 0:
        return 1.0
    times = 2 * np.cumsum(covariance / covariance[0]) - 1
    enough = np.flatnonzero(np.arange(n) >= WINDOW_OVER_TAU * times)
    return max(float(times[enough[0] if len(enough) else -1]), 1.0)


def effective_size(n: int, time: float) -> float:
    """Independent values that n rows are worth, at least 1.

    >>> effective_size(168, 24.0)
    7.0
    """
    return max(n / time, 1.0)
