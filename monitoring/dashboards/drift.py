"""Drift, drawn: every feature over the newest checks, one of them beside its reference, incidents and moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.http import Http404

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from monitoring.dashboards.page import ModelDashboard
from monitoring.drift.beside import feature_beside
from monitoring.drift.history import CHECKS, HeatMap, Timeline, nearness
from monitoring.models import DriftCheck
from registry.admin.charts import charts
from registry.models import RegisteredModel
from registry.plots import Plot


class DriftDashboard(ModelDashboard):
    title: ClassVar[str] = "Drift"
    permission_required = "monitoring.view_driftcheck"
    template_name = "admin/monitoring/dashboards/drift.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        drawn = self._drawn(self.model) if self.model else {}
        return super().get_context_data(**drawn, **kwargs)

    def _drawn(self, model: RegisteredModel) -> dict[str, Any]:
        checks = DriftCheck.objects.newest_of_model(model, most=CHECKS)[::-1]
        if not checks:
            return {"checks": []}
        since = checks[0].checked_at or checks[0].asked_at
        plots = [nearness(checks), self._beside(checks[-1])]
        return {
            "checks": checks,
            "newest": checks[-1],
            "heat_map": HeatMap.of(checks),
            "timeline": Timeline.of(model, since=since, until=now()),
            "plots": charts(plots),
            "undrawn": [plot for plot in plots if not plot.curves],
            "features": [each["name"] for each in checks[-1].features],
            "feature": self._feature(checks[-1].features),
        }

    def _feature(self, features: Sequence[dict[str, Any]]) -> str:
        """The one that was asked for; the farthest where there is no such."""
        names: list[str] = [each["name"] for each in sorted(features, key=lambda each: -(each["contribution"] or 0.0))]
        wanted = self.request.GET.get("feature", "")
        return wanted if wanted in names else next(iter(names), "")

    def _beside(self, check: DriftCheck) -> Plot:
        name = self._feature(check.features)
        if check.version is None:
            raise Http404(f"{check} has no version")
        try:
            return feature_beside(check.version, name, rows=max(check.rows or 0, 1))
        except Refused as refused:
            return Plot(f"{name}: now, beside its reference", str(refused))
