"""Which gates a model's versions are asked, with which options."""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import signature
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.module_loading import import_string

from registry.gates.verdicts import Gate

if TYPE_CHECKING:
    from registry.models import GateOverride, RegisteredModel


@dataclass(frozen=True)
class Question:
    """One gate of settings.PROMOTION_GATES, as it is put to a model's versions."""

    path: str
    options: dict[str, Any] = field(default_factory=dict)
    enabled: bool = True

    @property
    def gate(self) -> str:
        """What the gate calls itself."""
        return self.path.rpartition(".")[2]

    def overridden(self, override: GateOverride | None) -> Question:
        """The same with a model's own options over those of the settings."""
        if override is None:
            return self
        return Question(self.path, {**self.options, **override.options}, override.enabled)

    def gate_built(self) -> Gate:
        """Raises ImportError for a path that leads nowhere, TypeError or ValueError for options it does not take."""
        kind = import_string(self.path)
        if not callable(getattr(kind, "judge", None)):
            raise TypeError(f"{self.path} has no method `judge`")
        try:
            signature(kind).bind(**self.options)
        except TypeError as error:
            known = ", ".join(signature(kind).parameters) or "none"
            raise TypeError(f"{self.gate}: {error}; its options are: {known}") from None
        gate: Gate = kind(**self.options)
        return gate


def gate_names() -> list[str]:
    """The dotted paths of settings.PROMOTION_GATES, in order."""
    return [named["NAME"] for named in settings.PROMOTION_GATES]


def question_named(path: str) -> Question | None:
    """As the settings put it; None where they do not name that gate."""
    return next((question for question in _questions() if question.path == path), None)


def questions_for(model: RegisteredModel) -> list[Question]:
    """Every gate of the settings with the model's overrides over it; those switched off too."""
    overrides = {override.gate: override for override in model.gate_overrides.all()}
    return [question.overridden(overrides.get(question.path)) for question in _questions()]


def _questions() -> list[Question]:
    return [Question(named["NAME"], named.get("OPTIONS", {})) for named in settings.PROMOTION_GATES]
