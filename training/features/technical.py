"""Relative features: dimensionless, the same at any level of price and of volume, with bounded memory.

The list is one for all intervals. Hour and weekday are those of the candle's CLOSE, the moment of the forecast (UTC);
on daily candles, which close at midnight, the two hour features are constants (0 and 1), which a model ignores: that
is simpler, and more honest, than a list that changes with the interval under one name.
"""

from collections.abc import Callable

from training.features import indicators
from training.features.cycles import day_of_week, hour_of_day
from training.features.feature import Column, Domain, Feature
from training.features.windows import EMA_TAPS_PER_SPAN, log, moving_average
from training.series import CandleSeries, Floats, Seconds

MACD_WINDOW = EMA_TAPS_PER_SPAN * 26
HISTOGRAM_WINDOW = MACD_WINDOW + EMA_TAPS_PER_SPAN * 9 - 1
VOLUME_WINDOW = 24


def relative(
    name: str,
    compute: Callable[[CandleSeries], Floats],
    *,
    window: int,
    description: str,
    unit: str = "logarithm",
    reads: Column = "close",
    domain: Domain | None = None,
) -> Feature:
    return Feature(name, unit, description, window, compute, scale_free=True, reads=(reads,), domain=domain)


def log_return(candles: int) -> Feature:
    return relative(
        f"log_return_{candles}",
        lambda series: indicators.log_return(series.close, candles),
        window=candles + 1,
        description=f"Log return over the last {candles} candle{'s' if candles > 1 else ''}",
    )


def to_average(candles: int) -> Feature:
    return relative(
        f"price_to_ma_{candles}",
        lambda series: indicators.price_to_average(series.close, candles),
        window=candles,
        description=f"Close over the mean of the last {candles} closes, minus 1",
        unit="fraction",
    )


def log_volatility(returns: int) -> Feature:
    return relative(
        f"log_volatility_{returns}",
        lambda series: indicators.log_spread(indicators.realised_volatility(series.close, returns)),
        window=returns + 1,
        description=f"Logarithm of the standard deviation of the last {returns} log returns, per candle",
    )


def volatility_ratio(series: CandleSeries) -> Floats:
    """Short over long: above 0 where the market has become more restless."""
    short, long = (indicators.realised_volatility(series.close, returns) for returns in (7, 24))
    return indicators.log_spread(short) - indicators.log_spread(long)


def log_volume_ratio(series: CandleSeries) -> Floats:
    return log(series.volume / moving_average(series.volume, VOLUME_WINDOW))


def closing(series: CandleSeries, place: Callable[[Seconds], Floats], axis: int) -> Floats:
    """Sine (axis 0) or cosine (axis 1) of the moment at which each candle closes."""
    return place(series.opened_at + series.interval)[:, axis]


def cyclical(name: str, place: Callable[[Seconds], Floats], axis: int, *, of: str) -> Feature:
    wave = "Sine" if axis == 0 else "Cosine"
    return relative(
        name,
        lambda series: closing(series, place, axis),
        window=1,
        description=f"{wave} of the UTC {of} at which the candle closes",
        unit="-1 to 1",
    )


FEATURES = (
    log_return(1),
    log_return(3),
    log_return(7),
    log_return(24),
    to_average(7),
    to_average(30),
    relative(
        "macd",
        lambda series: indicators.macd(series.close) / series.close,
        window=MACD_WINDOW,
        description="MACD line (12, 26) over the close; exponential means of three spans' length",
        unit="fraction",
    ),
    relative(
        "macd_histogram",
        lambda series: indicators.macd_histogram(series.close) / series.close,
        window=HISTOGRAM_WINDOW,
        description="MACD line minus its signal (12, 26, 9), over the close",
        unit="fraction",
    ),
    relative(
        "rsi_14",
        lambda series: indicators.rsi(series.close),
        window=15,
        description="Relative strength of the last 14 changes after Cutler; 50 where nothing moved",
        unit="0 to 100",
        domain=Domain(0, 100, median_low=2, median_high=98),
    ),
    relative(
        "bollinger_b",
        lambda series: indicators.bollinger_b(series.close),
        window=20,
        description="Place between the Bollinger bands (20, 2): 0 the lower, 1 the upper; 0.5 where nothing moved",
        unit="fraction of the bands' distance",
    ),
    relative(
        "bollinger_log_width",
        lambda series: indicators.bollinger_log_width(series.close),
        window=20,
        description="Logarithm of the Bollinger bands' distance (20, 2) over their middle",
    ),
    log_volatility(7),
    log_volatility(24),
    relative(
        "log_volatility_ratio",
        volatility_ratio,
        window=25,
        description="Logarithm of the volatility of 7 returns over that of 24",
    ),
    relative(
        "log_volume_ratio",
        log_volume_ratio,
        window=VOLUME_WINDOW,
        description=f"Logarithm of the volume over the mean of the last {VOLUME_WINDOW}",
        reads="volume",
    ),
    cyclical("hour_sin", hour_of_day, 0, of="hour"),
    cyclical("hour_cos", hour_of_day, 1, of="hour"),
    cyclical("weekday_sin", day_of_week, 0, of="weekday"),
    cyclical("weekday_cos", day_of_week, 1, of="weekday"),
)
