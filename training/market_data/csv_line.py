"""One line of a candle file: what each header's fields mean, and what is wrong with them."""

import csv
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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
    if not math.isfinite(number):
        raise LineError(f"{name} is not finite: {text[:40]!r}")
    return number


def _price(name: str, text: str) -> float:
    number = _number(name, text)
    if number is None:
        raise LineError(f"{name} is absent")
    if number <= 0:
        raise LineError(f"{name} is {text.strip()}: a price is above zero")
    return number


def _amount(name: str, text: str) -> float | None:
    """A volume or market cap; zero means absent, as both providers write it."""
    number = _number(name, text)
    if number is not None and number < 0:
        raise LineError(f"{name} is {text.strip()}: it cannot be below zero")
    return number or None


def _price_figures(fields: list[str]) -> Figures:
    _, price, market_cap, total_volume = fields
    cap = _amount("market_cap", market_cap)
    return None, None, None, _price("price", price), _amount("total_volume", total_volume), cap


def _ohlc_figures(fields: list[str]) -> Figures:
    names = ("open", "high", "low", "close")
    opening, high, low, close = (_price(name, text) for name, text in zip(names, fields[1:5], strict=True))
    if high < low:
        raise LineError(f"high {high} is below low {low}")
    if high < max(opening, close) or low > min(opening, close):
        raise LineError(f"high {high} and low {low} do not bound open {opening} and close {close}")
    return opening, high, low, close, _amount("volume", fields[5]), None


SHAPES = {
    ("timestamp", "price", "market_cap", "total_volume"): Shape(4, stamped_at_close=True, figures=_price_figures),
    ("timestamp", "open", "high", "low", "close", "volume"): Shape(6, stamped_at_close=False, figures=_ohlc_figures),
}
