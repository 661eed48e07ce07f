"""Is it better than doing nothing clever?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.gates.options import whole_number
from registry.gates.verdicts import Verdict

if TYPE_CHECKING:
    from registry.models import ModelVersion


class EdgeOverBaseline:
    """Better than the best naive rule, and than the base rate, on walk-forward predictions.

    Passes when the paired block-bootstrap interval of accuracy minus the best naive rule lies above zero and Brier
    score and log loss are below those of the base-rate constant, on `minimum_predictions` or more.
    """

    def __init__(self, *, minimum_predictions: int = 1_000) -> None:
        self.minimum_predictions = whole_number("minimum_predictions", minimum_predictions, low=1)

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
