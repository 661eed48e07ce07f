"""Options of gates that make no sense, said by name."""

from math import isfinite
from typing import Any


def number(name: str, value: Any, *, low: float, high: float) -> float:
    """`value`, a number from `low` to `high`. Raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and low <= value <= high:
        return value
    raise ValueError(f"{name} is {value!r}: give a number from {low:g} to {high:g}")


def whole_number(name: str, value: Any, *, low: int) -> int:
    """`value`, a whole number of `low` or more. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= low:
        return value
    raise ValueError(f"{name} is {value!r}: give a whole number, {low} or more")
