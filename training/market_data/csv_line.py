"""One line of a candle file: what each header's fields mean, and what is wrong with them."""

import csv
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from training.market_data.figures import amount, check_bounds, price

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NUMBER = re.compile(r"\d+(\.\d*)?(e\+?\d+)?", re.ASCII | re.IGNORECASE)  # 1.76e+12 is what spreadsheets write
UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}  # in a second
FEWEST_SECONDS, MOST_SECONDS = 10**8, 10**11  # since 1970: the years 1973 to 5138; 20240101 is an ISO 8601 day
Figures = tuple[float | None, float | None, float | None, float, float | None, float | None]  # open ... market_cap


class LineError(ValueError):
    """Why a line is no candle."""


class Shape(NamedTuple):
    """How a header's lines are read."""

    fields: int
    stamped_at_close: bool
    figures: Callable[[list[str]], Figures]


def split(line: str) -> list[str]:
    try:
        return next(csv.reader((line,)))
    except csv.Error as error:
        raise LineError(f"not CSV: {error}") from None


def utc_stamp(text: str) -> datetime:
    _refuse_plain_number(text.strip())
    try:
        stamp = datetime.fromisoformat(text.strip())
    except ValueError:
        raise LineError(f"not an ISO 8601 time: {text[:40]!r}") from None
    if stamp.utcoffset() is None:
        raise LineError(f"{text!r} names no zone: write Z for UTC")
    if stamp.utcoffset():
        raise LineError(f"{text!r} is not in UTC")
    if stamp < EPOCH:
        raise LineError(f"{text!r} is before 1970")
    return stamp


def _refuse_plain_number(text: str) -> None:
    """Python would read 1760010800000 as a day of the year 1760."""
    number = float(text) if NUMBER.fullmatch(text) else 0.0
    for unit, in_a_second in UNITS.items():
        if FEWEST_SECONDS <= number / in_a_second < MOST_SECONDS:
            meant = f"{EPOCH + timedelta(seconds=int(number / in_a_second)):%Y-%m-%dT%H:%M:%SZ}"
            raise LineError(
                f"{text[:40]!r} is no ISO 8601 time but looks like {unit} since 1970: the column timestamp must be "
                f"ISO 8601, so write {meant}"
            )


def _number(name: str, text: str) -> float | None:
    """None where the field is empty."""
    if not text.strip():
        return None
    try:
        number = float(text) if text.isascii() and "_" not in text else None  # Python's float takes both
    except ValueError:
        number = None
    if number is None:
        raise LineError(f"{name} is not a number: {text[:40]!r}")
    return number


def _price(name: str, text: str) -> float:
    return price(name, _number(name, text))


def _amount(name: str, text: str) -> float | None:
    return amount(name, _number(name, text))


def _price_figures(fields: list[str]) -> Figures:
    _, close, market_cap, total_volume = fields
    cap = _amount("market_cap", market_cap)
    return None, None, None, _price("price", close), _amount("total_volume", total_volume), cap


def _ohlc_figures(fields: list[str]) -> Figures:
    names = ("open", "high", "low", "close")
    opening, high, low, close = (_price(name, text) for name, text in zip(names, fields[1:5], strict=True))
    check_bounds(opening=opening, high=high, low=low, close=close)
    return opening, high, low, close, _amount("volume", fields[5]), None


SHAPES = {
    ("timestamp", "price", "market_cap", "total_volume"): Shape(4, stamped_at_close=True, figures=_price_figures),
    ("timestamp", "open", "high", "low", "close", "volume"): Shape(6, stamped_at_close=False, figures=_ohlc_figures),
}
