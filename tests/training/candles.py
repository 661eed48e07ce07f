"""Candle series for tests, made from a seed or from given figures."""

import numpy as np

from training.series import CandleSeries

START = 1_700_006_400  # a midnight, UTC
COLUMNS = ("open", "high", "low", "close", "volume")


def series_of(closes, volumes=None, *, interval=3600, start=START):
    """Open, high and low absent, as in the daily files; volumes of 1 unless given."""
    closes = np.asarray(closes, dtype=np.float64)
    absent = np.full(len(closes), np.nan)
    return CandleSeries(
        interval=interval,
        opened_at=start + interval * np.arange(len(closes), dtype=np.int64),
        open=absent,
        high=absent,
        low=absent,
        close=closes,
        volume=np.ones(len(closes)) if volumes is None else np.asarray(volumes, dtype=np.float64),
    )


def random_series(length=400, *, seed=0, interval=3600):
    rng = np.random.default_rng(seed)
    closes = 45_000 * np.exp(np.cumsum(rng.normal(scale=0.01, size=length)))
    return series_of(closes, rng.lognormal(mean=10, size=length), interval=interval)


def altered(series, rows, *, by=1.0, columns=COLUMNS):
    """The same series with figures multiplied at the rows given (a slice or an index)."""
    figures = {column: getattr(series, column).copy() for column in COLUMNS}
    for column in columns:
        figures[column][rows] *= by
    return CandleSeries(interval=series.interval, opened_at=series.opened_at, **figures)


def with_hole(series, row, *, columns=COLUMNS):
    return altered(series, row, by=np.nan, columns=columns)


def assert_same_bits(got, expected):
    """Stricter than equality: -0.0 is not 0.0; only one NaN is as good as another."""
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    number = ~np.isnan(expected)
    assert got[number].tobytes() == expected[number].tobytes()
