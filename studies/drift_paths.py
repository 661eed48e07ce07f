"""Price paths on which nothing moves, until it is made to: resampled from real candles, or simulated.

A path is a pure function of its seed. What happens in a market changes its raw rows, before any feature is computed;
what breaks in a pipeline changes a column of the features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.series import CandleSeries, Floats

HOUR = 3_600
MONTH = 720  # hours over which the volume's own trend is taken out
BLOCK = 168  # mean length of a resampled block: a week of hours
START = 400_000 * HOUR  # when a path begins
WARM_UP = 1_000  # steps of GARCH before the first that is used
FREEDOM = 3.5  # of the t distribution of its errors
ARCH, GARCH = 0.08, 0.90
HOURLY_VOLATILITY = 0.005
VOLUME_MEMORY = 0.95  # of an hour's log volume in the next one's


@dataclass(frozen=True, eq=False)
class Raw:
    """(n, 4) of each hour: log return, log of high over close, of low over close, and of volume over its usual size."""

    rows: Floats

    @classmethod
    def of(cls, candles: CandleSeries) -> Raw:
        """From the second candle on; hours that lack a figure are left out."""
        closes, volume = np.log(candles.close), np.log(np.where(candles.volume > 0, candles.volume, np.nan))
        rows = np.column_stack(
            [
                np.diff(closes),
                np.log(candles.high)[1:] - closes[1:],
                np.log(candles.low)[1:] - closes[1:],
                (volume - _trend(volume))[1:],
            ]
        )
        return cls(rows[np.isfinite(rows).all(axis=1)])

    def resampled(self, n: int, *, seed: int) -> Raw:
        """The stationary bootstrap (Politis & Romano 1994): blocks of geometric length that go round the end."""
        rng = np.random.default_rng(seed)
        begins = rng.random(n) < 1 / BLOCK
        begins[0] = True
        since = np.arange(n) - np.maximum.accumulate(np.where(begins, np.arange(n), 0))
        starts = rng.integers(len(self.rows), size=n)[np.maximum.accumulate(np.where(begins, np.arange(n), 0))]
        return Raw(self.rows[(starts + since) % len(self.rows)])

    def louder(self, factor: float, *, since: int) -> Raw:
        """Every move of the price so many times as large from a row on."""
        rows = self.rows.copy()
        rows[since:, :3] *= factor
        return Raw(rows)

    def candles(self) -> CandleSeries:
        """The path that they make, hour by hour."""
        moved, above, below, volume = self.rows.T
        close = 30_000 * np.exp(np.cumsum(moved))
        return CandleSeries(
            interval=HOUR,
            opened_at=START + HOUR * np.arange(len(close), dtype=np.int64),
            open=close * np.exp(-moved),
            high=close * np.exp(above),
            low=close * np.exp(below),
            close=close,
            volume=1_000 * np.exp(volume),
        )


def simulated(n: int, *, seed: int) -> Raw:
    """GARCH(1,1) with errors of Student's t (Bollerslev 1987): volatility that clusters, tails that are heavy."""
    rng = np.random.default_rng(seed)
    errors = rng.standard_t(FREEDOM, WARM_UP + n) / np.sqrt(FREEDOM / (FREEDOM - 2))
    usual = HOURLY_VOLATILITY**2
    variance, moved = usual, np.empty(WARM_UP + n)
    for step, error in enumerate(errors):
        moved[step] = np.sqrt(variance) * error
        variance = (1 - ARCH - GARCH) * usual + ARCH * moved[step] ** 2 + GARCH * variance
    busy = np.log(np.abs(moved) + usual**0.5) - np.log(2 * usual**0.5)
    volume = _remembered(0.3 * busy + 0.2 * rng.standard_normal(WARM_UP + n))
    beyond = HOURLY_VOLATILITY * np.abs(rng.standard_normal((2, WARM_UP + n))) / 2
    above, below = np.maximum(-moved, 0) + beyond[0], np.minimum(-moved, 0) - beyond[1]
    return Raw(np.column_stack([moved, above, below, volume])[WARM_UP:])


def _remembered(news: Floats) -> Floats:
    values = np.empty(len(news))
    last = 0.0
    for step, new in enumerate(news):
        last = VOLUME_MEMORY * last + new
        values[step] = last
    return values


def _trend(values: Floats) -> Floats:
    """Mean of the month up to each value, of those that are there."""
    there = np.isfinite(values)
    summed, counted = (
        np.cumsum(np.concatenate([np.zeros(MONTH), each])) for each in (np.where(there, values, 0.0), there)
    )
    with np.errstate(invalid="ignore"):
        trend: Floats = (summed[MONTH:] - summed[:-MONTH]) / (counted[MONTH:] - counted[:-MONTH])
    return trend
