"""From what a client sent to the vector that the model sees: one pass, nothing guessed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryptoml_site.errors import InvalidFields, Problem

NUMBERS = {float, int}  # and no bool, which is an int to isinstance
LARGEST = float(np.finfo(np.float32).max)


def vector_of(features: Mapping[str, Any], names: Sequence[str]) -> NDArray[np.float32]:
    """The values in the order of `names`, (k,) float32. What is right passes at once, what is not is looked at by name.

    Raises InvalidFields with every fault at once: missing_field, unknown_field, null_value, not_a_number (strings and
    true are none) and not_finite, tested after the cast: 1e39 is a finite number in JSON and infinite in float32.
    """
    values = [features.get(name) for name in names]
    sound = len(features) == len(values) and NUMBERS.issuperset(map(type, values))
    if sound and all(-LARGEST <= value <= LARGEST for value in values):  # type: ignore[operator]  # which NaN is not
        return np.array(values, np.float64).astype(np.float32)
    return _looked_at(features, names)


def _looked_at(features: Mapping[str, Any], names: Sequence[str]) -> NDArray[np.float32]:
    problems = [
        *(_absent(name) for name in names if name not in features),
        *(_stranger(name, names) for name in features if name not in names),
        *(_no_number(name, features[name]) for name in names if name in features and not _is_number(features[name])),
    ]
    if problems:
        raise InvalidFields(problems)
    with np.errstate(over="ignore"):
        vector = np.array([_widest(features[name]) for name in names], dtype=np.float64).astype(np.float32)
    infinite = [name for name, finite in zip(names, np.isfinite(vector), strict=True) if not finite]
    if infinite:
        raise InvalidFields(
            [Problem("not_finite", name, f"'{name}' must be a finite number in float32") for name in infinite]
        )
    return vector


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _widest(value: float) -> float:
    """Python's integers have no bound; a float has."""
    try:
        return float(value)
    except OverflowError:
        return np.inf


def _absent(name: str) -> Problem:
    return Problem("missing_field", name, f"'{name}' is missing: the model's signature names every feature")


def _stranger(name: str, names: Sequence[str]) -> Problem:
    return Problem(
        "unknown_field", name, f"'{name[:64]}' is no feature of this model: its signature names {len(names)}"
    )


def _no_number(name: str, value: Any) -> Problem:
    if value is None:
        return Problem("null_value", name, f"'{name}' is null: send a number, nothing is filled in")
    return Problem("not_a_number", name, f"'{name}' must be a number, not {type(value).__name__}")
