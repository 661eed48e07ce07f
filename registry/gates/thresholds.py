"""Is it as good as a person asks of this model?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from registry.gates.options import number
from registry.gates.verdicts import Verdict

if TYPE_CHECKING:
    from registry.models import ModelVersion

AT_LEAST, AT_MOST = "_at_least", "_at_most"
PATHS = {  # of each figure in the report
    "accuracy": ("metrics", "accuracy", "value"),
    "balanced_accuracy": ("metrics", "balanced_accuracy"),
    "roc_auc": ("metrics", "roc_auc"),
    "brier": ("metrics", "brier"),
    "log_loss": ("metrics", "log_loss"),
    "net_bp": ("trading", "net_bp"),
}
RANGES = {"log_loss": (0, 100), "net_bp": (-10_000, 10_000)}  # where it is not 0 to 1


@dataclass(frozen=True)
class Limit:
    """What one figure must reach, or must not exceed."""

    figure: str
    least: bool
    value: float

    @classmethod
    def parse(cls, option: str, value: float) -> Self:
        """Raises ValueError for a value that the figure cannot have."""
        figure = option.removesuffix(AT_LEAST).removesuffix(AT_MOST)
        low, high = RANGES.get(figure, (0, 1))
        return cls(figure, option.endswith(AT_LEAST), number(option, value, low=low, high=high))

    def measured(self, report: dict[str, Any]) -> float | None:
        found: Any = report
        for key in PATHS[self.figure]:
            found = (found or {}).get(key)
        return None if found is None else float(found)

    def met(self, figure: float) -> bool:
        return figure >= self.value if self.least else figure <= self.value

    def said(self, figure: float) -> str:
        asked = f"{self.figure} is {figure:.4f}, at {'least' if self.least else 'most'} {self.value:g} is asked"
        return asked if self.met(figure) else f"{asked}: not met"


class Thresholds:
    """Walk-forward figures against limits that a person sets; without any it passes.

    A limit is held against the figure as measured, not against its interval: whether it is more than luck is for
    EdgeOverBaseline to say. net_bp: basis points per candle, after costs.
    """

    def __init__(
        self,
        *,
        accuracy_at_least: float | None = None,
        balanced_accuracy_at_least: float | None = None,
        roc_auc_at_least: float | None = None,
        brier_at_most: float | None = None,
        log_loss_at_most: float | None = None,
        net_bp_at_least: float | None = None,
    ) -> None:
        given = {
            "accuracy_at_least": accuracy_at_least,
            "balanced_accuracy_at_least": balanced_accuracy_at_least,
            "roc_auc_at_least": roc_auc_at_least,
            "brier_at_most": brier_at_most,
            "log_loss_at_most": log_loss_at_most,
            "net_bp_at_least": net_bp_at_least,
        }
        self.asked = {option: value for option, value in given.items() if value is not None}
        self.limits = [Limit.parse(option, value) for option, value in self.asked.items()]

    def judge(self, version: ModelVersion) -> Verdict:
        if not self.limits:
            return Verdict("Thresholds", "pass", "no threshold is set for this model")
        figures = [(limit, limit.measured(version.metrics)) for limit in self.limits]
        numbers = {"asked": self.asked, "measured": {limit.figure: figure for limit, figure in figures}}
        unknown = ", ".join(limit.figure for limit, figure in figures if figure is None)
        if unknown:
            return Verdict("Thresholds", "not_enough_evidence", f"no walk-forward measured its {unknown}", numbers)
        met = all(limit.met(figure) for limit, figure in figures if figure is not None)
        said = "; ".join(limit.said(figure) for limit, figure in figures if figure is not None)
        return Verdict("Thresholds", "pass" if met else "fail", said, numbers)
