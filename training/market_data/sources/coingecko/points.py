"""From CoinGecko's points to candles.

A point is a price at an instant. The one at H is the CLOSE of the candle that ends at H, so it opened one interval
before. CoinGecko stamps a day exactly; its hours and five minutes are late by minutes, early by seconds, doubled, or
absent. Of the points around H the nearest is taken, of two as near the earlier, and none that is further away than
`tolerance`: then the candle is absent. A later hour's price in its place would be a look into the future. Until a
later point, or the end of that tolerance, shows that no nearer one will come, the candle does not count as closed.

The amounts are those of the trailing 24 hours, in the currency, whatever the interval: CoinGecko has no others.
"""

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from cryptoml_site.errors import Refused, Unavailable
from training.market_data.figures import is_price
from training.market_data.parsed import ParsedCandle

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
LAST_STAMP = 4_102_444_800_000  # the year 2100, in milliseconds
FURTHEST = timedelta(minutes=15)  # that a point may lie from its hour or day


class Point(NamedTuple):
    """stamp: milliseconds since 1970."""

    stamp: int
    price: float
    volume: float | None
    market_cap: float | None


def tolerance(step: timedelta) -> timedelta:
    """How far from the end of its candle a point may lie."""
    return min(step / 2, FURTHEST)


def points_in(chart: Any, *, step: timedelta, live: bool) -> list[Point]:
    """The points of a chart's three arrays, joined by their stamps, in order and without doubles.

    live: the chart reaches the present, so that its last point is the price of now, which is left out. Raises
    Unavailable for something that is no chart.
    """
    try:
        rows = [(int(stamp), price) for stamp, price in chart["prices"] if 0 <= stamp < LAST_STAMP]
        caps, volumes = dict(map(tuple, chart["market_caps"])), dict(map(tuple, chart["total_volumes"]))
    except (KeyError, TypeError, ValueError):
        raise Unavailable("CoinGecko answered with something that is no chart", code="source_unavailable") from None
    if live and rows and _is_now(rows[-1][0], step):
        del rows[-1]
    points: dict[int, Point] = {}
    for stamp, price in rows:
        if (known := _positive(price)) is not None and is_price(known) and stamp not in points:
            points[stamp] = Point(stamp, known, _positive(volumes.get(stamp)), _positive(caps.get(stamp)))
    return sorted(points.values())


def candles_of(
    points: list[Point], *, step: timedelta, start: datetime, end: datetime, at: datetime
) -> Iterator[ParsedCandle]:
    """Those with start <= opened_at < end that have closed by `at`, in order. points: as `points_in` gives them."""
    _check_granularity(points, step)
    newest = points[-1].stamp * MILLISECOND + EPOCH if points else EPOCH
    for closed_at, point in _nearest(points, step):
        settled = newest >= closed_at or at >= closed_at + tolerance(step)
        opened_at = closed_at - step
        if settled and closed_at <= at and start <= opened_at < end:
            yield ParsedCandle(opened_at, None, None, None, point.price, point.volume, point.market_cap)


def _nearest(points: Iterable[Point], step: timedelta) -> list[tuple[datetime, Point]]:
    """Each end of a candle that a point lies close to, with the closest one."""
    width, furthest = step // MILLISECOND, tolerance(step) // MILLISECOND
    found: dict[int, Point] = {}
    for point in points:
        place = (point.stamp + width // 2) // width
        distance = abs(point.stamp - place * width)
        held = found.get(place)
        if distance <= furthest and (held is None or distance < abs(held.stamp - place * width)):
            found[place] = point
    return [(EPOCH + place * step, point) for place, point in sorted(found.items())]


def _is_now(stamp: int, step: timedelta) -> bool:
    """The point of now alone has a stamp in whole seconds, beside those that lie on the grid."""
    return stamp % 1_000 == 0 and stamp % (step // MILLISECOND) != 0


def _positive(figure: Any) -> float | None:
    """Zero is CoinGecko's word for absent."""
    if isinstance(figure, bool) or not isinstance(figure, int | float) or not math.isfinite(figure) or figure <= 0:
        return None
    return float(figure)


def _check_granularity(points: list[Point], step: timedelta) -> None:
    """CoinGecko chooses the granularity by the span; a coarser one would look like candles with holes."""
    if len(points) < 3:
        return
    nearest = min(later.stamp - earlier.stamp for earlier, later in pairwise(points)) * MILLISECOND
    if nearest > 2 * step:
        raise Refused(
            f"CoinGecko answered in steps of {nearest} where {step} was asked: it has changed its granularities, which "
            "this version of the client does not know",
            code="wrong_interval",
            field="interval",
        )
