"""Data freshness: every market, those that need somebody first."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.paginator import Paginator

from cryptoml_site.clock import now
from monitoring.dashboards.page import Dashboard
from monitoring.freshness import DAY, by_state, counts, missed_since, oldest_unsettled, rows

PAGE = 50


class FreshnessDashboard(Dashboard):
    title: ClassVar[str] = "Data freshness"
    permission_required = "training.view_market"
    template_name = "admin/monitoring/dashboards/freshness.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        at = now()
        found = by_state(at)
        page = Paginator(found, PAGE).get_page(self.request.GET.get("p"))
        return super().get_context_data(
            at=at,
            counts=counts(found),
            page=page,
            rows=rows(list(page), at),
            oldest=oldest_unsettled(at),
            missed=sum(missed_since(at - DAY).values()),
            **kwargs,
        )
