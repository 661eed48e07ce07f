"""The nine raw features of the classic model, in the order that its clients send.

Seven are price or volume levels in the market's own units, so they age badly: a model that learned from prices of
20,000 has never seen 100,000. They are kept for the clients who send them; `technical` has what replaces them.
"""

from training.features.feature import Feature
from training.features.indicators import simple_return
from training.features.windows import lagged, moving_average, rolling_std

PRICE = "quote currency"


def lag(candles: int) -> Feature:
    return Feature(
        name=f"price_lag_{candles}",
        unit=PRICE,
        description=f"Close {candles} candle{'s' if candles > 1 else ''} before",
        window=candles + 1,
        compute=lambda series: lagged(series.close, candles),
        scale_free=False,
    )


def average(candles: int) -> Feature:
    return Feature(
        name=f"price_ma_{candles}",
        unit=PRICE,
        description=f"Mean of the last {candles} closes",
        window=candles,
        compute=lambda series: moving_average(series.close, candles),
        scale_free=False,
    )


FEATURES = (
    Feature(
        name="price",
        unit=PRICE,
        description="Close of the newest candle",
        window=1,
        compute=lambda series: series.close,
        scale_free=False,
    ),
    Feature(
        name="price_change",
        unit="fraction",
        description="Close over the close before, minus 1",
        window=2,
        compute=lambda series: simple_return(series.close),
        scale_free=True,
    ),
    average(7),
    average(30),
    Feature(
        name="price_std_7",
        unit=PRICE,
        description="Sample standard deviation of the last 7 closes",
        window=7,
        compute=lambda series: rolling_std(series.close, 7),
        scale_free=False,
    ),
    Feature(
        name="volume_ma_7",
        unit="volume as the source counts it",
        description="Mean of the last 7 volumes",
        window=7,
        compute=lambda series: moving_average(series.volume, 7),
        scale_free=False,
        reads=("volume",),
    ),
    lag(1),
    lag(3),
    lag(7),
)

EXAMPLE = {  # one vector as a client sends it, for documentation and for a first question
    "price": 45000,
    "price_change": 0.02,
    "price_ma_7": 44500,
    "price_ma_30": 43000,
    "price_std_7": 1200,
    "volume_ma_7": 25000000000,
    "price_lag_1": 44000,
    "price_lag_3": 43500,
    "price_lag_7": 42000,
}
