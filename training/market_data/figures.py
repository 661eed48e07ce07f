"""Which figures a candle may have, whoever brings it: one rule for files and for every source."""

import math

LOWEST_PRICE, HIGHEST_PRICE = 1e-18, 1e18  # their squares and their ratio are numbers in float32, which models see


class FigureError(ValueError):
    """Why a figure cannot be believed."""


def is_price(number: float) -> bool:
    """False for what is not finite as well."""
    return LOWEST_PRICE <= number <= HIGHEST_PRICE


def price(name: str, number: float | None) -> float:
    if number is None:
        raise FigureError(f"{name} is absent")
    _check_finite(name, number)
    if number <= 0:
        raise FigureError(f"{name} is {_told(number)}: a price is above zero")
    if not is_price(number):
        raise FigureError(f"{name} is {_told(number)}: a price lies between {LOWEST_PRICE:g} and {HIGHEST_PRICE:g}")
    return number


def amount(name: str, number: float | None) -> float | None:
    """A volume or market cap; zero means absent, as both providers write it."""
    if number is None:
        return None
    _check_finite(name, number)
    if number < 0:
        raise FigureError(f"{name} is {_told(number)}: it cannot be below zero")
    return number or None


def check_bounds(*, opening: float | None, high: float | None, low: float | None, close: float) -> None:
    """The high and the low bound the open and the close, as far as they are known."""
    known = [figure for figure in (opening, close) if figure is not None]
    if high is not None and low is not None and high < low:
        raise FigureError(f"high {high} is below low {low}")
    if (high is not None and high < max(known)) or (low is not None and low > min(known)):
        raise FigureError(f"high {high} and low {low} do not bound open {opening} and close {close}")


def _check_finite(name: str, number: float) -> None:
    if not math.isfinite(number):
        raise FigureError(f"{name} is not finite: {number}")


def _told(number: float) -> str:
    return repr(number).removesuffix(".0")
