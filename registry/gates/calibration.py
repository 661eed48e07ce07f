"""Does a probability of 0.6 come true six times in ten?"""

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING, Any

from registry.gates.options import number
from registry.gates.verdicts import Outcome, Verdict

if TYPE_CHECKING:
    from registry.models import ModelVersion


class MaximumCalibrationError:
    """The expected calibration error of the walk-forward predictions is at most `most`.

    The error is above zero by luck even for a perfect forecaster, the more so the fewer the predictions are. One that
    is above `most`, but not by more than luck explains, is no evidence either way; nor is any where luck alone makes
    as much.
    """

    def __init__(self, *, most: float = 0.05) -> None:
        self.most = number("most", most, low=0, high=1)

    def judge(self, version: ModelVersion) -> Verdict:
        report = version.metrics
        error = report.get("metrics", {}).get("ece")
        if error is None:
            return self._verdict("not_enough_evidence", "no walk-forward predictions say how well it is calibrated")
        luck, n = expected_by_luck(report["reliability"]), report["rows"]
        said = (
            f"probabilities are off by {error:.4f} on average over {n:,} predictions, {self.most:g} is allowed; "
            f"a perfect forecaster would show {luck:.4f} by luck"
        )
        return self._verdict(self._outcome(error, luck), said, error=error, luck=luck, n=n)

    def _outcome(self, error: float, luck: float) -> Outcome:
        if luck >= self.most > 0:
            return "not_enough_evidence"
        if error <= self.most:
            return "pass"
        return "fail" if error - luck > self.most else "not_enough_evidence"

    def _verdict(self, outcome: Outcome, sentence: str, **numbers: float) -> Verdict:
        return Verdict("MaximumCalibrationError", outcome, sentence, {**numbers, "most": self.most})


def expected_by_luck(table: list[dict[str, Any]]) -> float:
    """Calibration error of a forecaster who is right about every bin's probability.

    table: `rows` and `probability` of each bin. A share of n draws is off by sqrt(2 / pi) standard deviations on
    average, each p (1 - p) / n squared.

    >>> round(expected_by_luck([{"rows": 100, "probability": 0.5}]), 4)
    0.0399
    """
    rows = sum(entry["rows"] for entry in table)
    spreads = [sqrt(entry["rows"] * entry["probability"] * (1 - entry["probability"])) for entry in table]
    return sqrt(2 / pi) * sum(spreads) / float(rows)
