"""What `manage.py check` finds wrong with the settings of the registry."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from registry.gates import Question

KEYS = {"NAME", "OPTIONS"}


def check_promotion_gates(**kwargs: Any) -> list[CheckMessage]:
    """One error for each entry of PROMOTION_GATES that cannot be asked: found here, and not at the next promotion."""
    seen: set[str] = set()
    return [
        Error(f"PROMOTION_GATES, entry {place}: {sentence}", id="registry.E001")
        for place, entry in enumerate(settings.PROMOTION_GATES, start=1)
        for sentence in _wrong(entry, seen)
    ]


def _wrong(entry: Any, seen: set[str]) -> Iterator[str]:
    if not isinstance(entry, dict) or not isinstance(entry.get("NAME"), str) or not set(entry) <= KEYS:
        yield f'{entry!r} is none: write {{"NAME": "dotted.path.of.a.Gate", "OPTIONS": {{...}}}}'
    elif not isinstance(entry.get("OPTIONS", {}), dict):
        yield f"the OPTIONS of {entry['NAME']} are {entry['OPTIONS']!r}: give them by name"
    elif entry["NAME"] in seen:
        yield f"{entry['NAME']} is named twice: a model's own options could not tell them apart"
    else:
        seen.add(entry["NAME"])
        yield from _unaskable(Question(entry["NAME"], entry.get("OPTIONS", {})))


def _unaskable(question: Question) -> Iterator[str]:
    try:
        question.gate_built()
    except (ImportError, TypeError, ValueError) as error:
        yield f"{question.path} cannot be asked: {error}"
