"""What a client says of an answer's outcome, read from its body."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from cryptoml_site.errors import InvalidFields, Problem
from predictions.models import Prediction

FIELDS = ("log_return", "direction")


def told(body: Any) -> dict[str, Any]:
    """Its one field. Raises InvalidFields with every fault at once."""
    if not isinstance(body, Mapping):
        raise InvalidFields([Problem("not_an_object", None, 'send an object: {"log_return": 0.01}, say')])
    if problems := list(_problems(body)):
        raise InvalidFields(problems)
    return {name: float(value) if name == "log_return" else value for name, value in body.items()}


def _problems(body: Mapping[str, Any]) -> Iterator[Problem]:
    for name in body:
        if name not in FIELDS:
            yield Problem("unknown_field", name[:64], f"there is no field '{name[:64]}': {', '.join(FIELDS)}")
    known = [name for name in FIELDS if name in body]
    if not known:
        yield Problem("missing_field", "log_return", "send 'log_return', or 'direction' where only that is known")
    if len(known) > 1:
        yield Problem("one_of_two", "direction", "send 'log_return' or 'direction', not both: the return says it too")
    if "log_return" in body:
        yield from _of_return(body["log_return"])
    if "direction" in body and body["direction"] not in Prediction.Direction.values:
        yield Problem("bad_direction", "direction", '\'direction\' is "up" or "down"')


def _of_return(value: Any) -> Iterator[Problem]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        sentence = "'log_return' must be a number: ln(price at the end / price at the start)"
        yield Problem("not_a_number", "log_return", sentence)
    elif not _finite(value):
        yield Problem("not_finite", "log_return", "'log_return' must be a finite number")


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of 400 digits
        return False
