"""JSON that somebody types, as far as Postgres can keep it."""

from collections.abc import Iterator
from math import isfinite
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput

DEEPEST = 50  # lists and objects within one another


class KeptJSON(forms.JSONField):
    """Python reads more than JSON has and jsonb keeps: NaN, infinities, NUL and halves of characters."""

    def to_python(self, value: Any) -> Any:
        try:
            read = super().to_python(value)
            wrong = next(_wrong(read), None)
        except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets without end
            raise ValidationError("this is no JSON that can be kept: give smaller numbers, and fewer levels") from error
        if wrong:
            raise ValidationError(wrong)
        return read

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What was refused is shown as it was typed."""
        try:
            self.to_python(data)
        except ValidationError:
            return data if data is None else InvalidJSONInput(data)
        return super().bound_data(data, initial)


def _wrong(read: Any, level: int = 0) -> Iterator[str]:
    if level > DEEPEST:
        yield f"lists and objects lie more than {DEEPEST} deep in one another: give fewer levels"
    elif isinstance(read, float) and not isfinite(read):
        yield f"{read} is no number of JSON: give a finite one"
    elif isinstance(read, str):
        yield from _wrong_in_text(read)
    elif isinstance(read, dict | list):
        inside = [*read, *read.values()] if isinstance(read, dict) else read
        for each in inside:
            yield from _wrong(each, level + 1)


def _wrong_in_text(text: str) -> Iterator[str]:
    if "\x00" in text:
        yield f"{text!a} holds a NUL character, which the database cannot keep: take it out"
    elif any("\ud800" <= character <= "\udfff" for character in text):
        yield f"{text!a} holds half a character: take it out"
