"""What a version must show before it may answer. Gates read recorded numbers; none of them opens a native model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

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
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """What the gates said, and the ledger's generation for the model when they were asked."""

    generation: int
    overridden: bool
    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        return all(verdict.outcome == "pass" for verdict in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"passed": self.passed}


class Gate(Protocol):
    def judge(self, version: ModelVersion) -> Verdict: ...


class EdgeOverBaseline:
    """Better than the best naive rule, and than the base rate, on walk-forward predictions.

    Passes when the paired block-bootstrap interval of accuracy minus the best naive rule lies above zero and Brier
    score and log loss are below those of the base-rate constant, on `minimum_predictions` or more.
    """

    def __init__(self, *, minimum_predictions: int) -> None:
        self.minimum_predictions = minimum_predictions

    def judge(self, version: ModelVersion) -> Verdict:
        report = version.metrics
        n = report["edge"]["n"] if report else 0
        if n < self.minimum_predictions:
            return self._not_enough(f"{n:,} walk-forward predictions, {self.minimum_predictions:,} are needed", n)
        if report["edge"]["low"] is None:
            return self._not_enough(f"{n:,} walk-forward predictions are too few blocks for an interval", n)
        edge, constant, metrics = report["edge"], report["constant"], report["metrics"]
        beats_rule = edge["low"] > 0
        beats_rate = metrics["brier"] < constant["brier"] and metrics["log_loss"] < constant["log_loss"]
        return Verdict(
            "EdgeOverBaseline",
            "pass" if beats_rule and beats_rate else "fail",
            f"accuracy {metrics['accuracy']['value']:.3f} against {report['baseline']['accuracy']:.3f} of "
            f"'{report['baseline']['name']}': edge {edge['value']:+.3f} [{edge['low']:+.3f}, {edge['high']:+.3f}] on "
            f"{edge['n']:,} predictions; Brier {metrics['brier']:.4f} against {constant['brier']:.4f} of the base "
            f"rate, log loss {metrics['log_loss']:.4f} against {constant['log_loss']:.4f}",
            {"edge": edge, "brier": metrics["brier"], "log_loss": metrics["log_loss"], "constant": constant},
        )

    def _not_enough(self, sentence: str, n: int) -> Verdict:
        numbers = {"n": n, "minimum_predictions": self.minimum_predictions}
        return Verdict("EdgeOverBaseline", "not_enough_evidence", sentence, numbers)


class SameSignature:
    """The features asked for are production's: clients who send raw features depend on them."""

    def judge(self, version: ModelVersion) -> Verdict:
        production = version.model.versions.in_production().first()
        if production is None or production.signature_key == version.signature_key:
            return Verdict("SameSignature", "pass", "clients can go on sending the same features")
        asked, sent = set(version.feature_names), set(production.feature_names)
        added, dropped = sorted(asked - sent), sorted(sent - asked)
        return Verdict(
            "SameSignature",
            "fail",
            f"clients send the features of version {production.number}; this one asks for "
            f"{', '.join(added) or 'no others'} and drops {', '.join(dropped) or 'none'}",
            {"added": added, "dropped": dropped},
        )


def judge(version: ModelVersion, *, override: bool = False) -> Evidence:
    """Ask every gate of settings.PROMOTION_GATES. Raises GateRefused when one does not pass and `override` is off."""
    named: list[dict[str, Any]] = settings.PROMOTION_GATES
    gates: list[Gate] = [import_string(gate["NAME"])(**gate.get("OPTIONS", {})) for gate in named]
    evidence = Evidence(
        generation=version.model.generation(),
        overridden=override,
        verdicts=tuple(gate.judge(version) for gate in gates),
    )
    if override or evidence.passed:
        return evidence
    failed = [verdict for verdict in evidence.verdicts if verdict.outcome != "pass"]
    said = "; ".join(f"{verdict.gate} {verdict.outcome.replace('_', ' ')}: {verdict.sentence}" for verdict in failed)
    raise GateRefused(f"{version} may not answer. {said}", evidence=evidence.as_json())
