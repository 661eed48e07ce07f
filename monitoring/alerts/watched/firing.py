from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from monitoring.models import AlertRule


@dataclass(frozen=True)
class Firing:
    """Something that a rule finds wrong now. subject: of what, the same while it lasts. sentence: for people."""

    subject: str
    sentence: str
    figures: dict[str, Any] = field(default_factory=dict)


Watched = Callable[[AlertRule, datetime], Sequence[Firing]]  # all that is wrong at that moment, by that rule
