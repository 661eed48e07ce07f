"""What a gate is, and what it answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from cryptoml_site.errors import Refused

if TYPE_CHECKING:
    from registry.models import ModelVersion

Outcome = Literal["pass", "fail", "not_enough_evidence"]


class GateRefused(Refused):
    """A gate did not pass; `evidence` holds every verdict."""

    code = "gate_refused"


@dataclass(frozen=True)
class Verdict:
    """One gate's answer: its numbers, and a sentence for the person who must decide."""

    gate: str
    outcome: Outcome
    sentence: str
    numbers: dict[str, Any] = field(default_factory=dict)  # as JSON takes them: the ledger keeps them

    def __post_init__(self) -> None:
        if self.outcome not in get_args(Outcome):
            raise ValueError(f"a verdict is {', '.join(get_args(Outcome))}, not {self.outcome!r}")


@dataclass(frozen=True)
class Skipped:
    """A gate that was not asked, and why."""

    gate: str
    sentence: str


@dataclass(frozen=True)
class Evidence:
    """What the gates said, and the ledger's generation for the model when they were asked."""

    generation: int
    overridden: bool
    verdicts: tuple[Verdict, ...]
    skipped: tuple[Skipped, ...] = ()

    @property
    def passed(self) -> bool:
        return all(verdict.outcome == "pass" for verdict in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"passed": self.passed}


class Gate(Protocol):
    """A class with keyword options, named by its dotted path in settings.PROMOTION_GATES.

    Options that make no sense raise ValueError or TypeError in `__init__`, where `manage.py check` and the admin find
    them. `judge` may query and read the bundle; it changes nothing, and a page waits for it, so it takes well under a
    second.
    """

    def judge(self, version: ModelVersion) -> Verdict: ...
