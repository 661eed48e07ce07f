"""Performance, drawn: of a model, one of its versions, a role, a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils.safestring import SafeString

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from monitoring.dashboards.page import ModelDashboard
from monitoring.performance.chosen import DEFAULT_WINDOW, ROLES, Chosen, Performance
from monitoring.performance.figure import Figure, Verdict
from monitoring.performance.plots import plots
from registry.admin.charts import charts
from registry.labels import GOOD, PLAIN, WARNING, pill
from registry.models import RegisteredModel
from registry.plots import undrawn

WINDOWS = ("24h", "7d", "30d", "90d", "366d")
ROWS = (  # figure, how it is called, what its baseline is, how it is written, what it is multiplied by
    ("hit_rate", "Hit rate", "majority of the same", "{:.1%}", 1.0),
    ("balanced_accuracy", "Balanced accuracy", "any constant call", "{:.1%}", 1.0),
    ("brier", "Brier score", "share of ups", "{:.4f}", 1.0),
    ("log_loss", "Log loss", "share of ups", "{:.4f}", 1.0),
    ("ece", "Calibration error", "luck alone", "{:.4f}", 1.0),
    ("return_per_candle", "Return per candle after costs, bp", "holding", "{:+.2f}", 1e4),
    ("return_total", "Log return after costs, in all", "holding", "{:+.4f}", 1.0),
)
TONES = {Verdict.BETTER: GOOD, Verdict.WORSE: WARNING, Verdict.NO_DIFFERENT: PLAIN, Verdict.NOT_JUDGED: PLAIN}


@dataclass(frozen=True)
class Row:
    """A figure in words."""

    figure: Figure
    title: str
    beside: str
    form: str
    factor: float

    @property
    def value(self) -> str:
        return self._said(self.figure.value)

    @property
    def interval(self) -> str:
        low, high = self.figure.low, self.figure.high
        return "-" if low is None or high is None else f"{self._said(low)} to {self._said(high)}"

    @property
    def baseline(self) -> str:
        return self._said(self.figure.baseline)

    @property
    def outcomes(self) -> str:
        return f"{self.figure.n:,}"

    @property
    def verdict(self) -> SafeString:
        found = self.figure.verdict
        return pill(found.value.replace("_", " "), TONES[found])

    def _said(self, number: float | None) -> str:
        return "-" if number is None else self.form.format(number * self.factor)


class PerformanceDashboard(ModelDashboard):
    title: ClassVar[str] = "Performance"
    permission_required = "registry.view_modelversion"
    template_name = "admin/monitoring/dashboards/performance.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        drawn = self._drawn(self.model) if self.model else {}
        return super().get_context_data(**drawn, **kwargs)

    def _drawn(self, model: RegisteredModel) -> dict[str, Any]:
        asked = {name: self.request.GET.get(name, "") for name in ("version", "role", "window")}
        window = asked["window"] or DEFAULT_WINDOW
        choices = {
            "numbers": list(model.versions.order_by("-number").values_list("number", flat=True)),
            "roles": ROLES,
            "windows": WINDOWS if window in WINDOWS else (window[:8], *WINDOWS),
            "asked": asked | {"window": window, "role": asked["role"] or ROLES[0]},
        }
        try:
            chosen = Chosen.of(model, {name: value for name, value in asked.items() if value})
        except Refused as refused:
            return choices | {"refused": str(refused)}
        return choices | _shown(Performance.of(chosen, at=now()))


def _shown(performance: Performance) -> dict[str, Any]:
    found = plots(performance)
    return {
        "performance": performance,
        "outcomes": f"{performance.n:,}",
        "abstained": f"{performance.abstained:,}" if performance.abstained else "",
        "rows": [
            Row(performance.figures.by_name[name], title, beside, form, factor)
            for name, title, beside, form, factor in ROWS
        ],
        "plots": charts(found),
        "undrawn": undrawn(found),
    }
