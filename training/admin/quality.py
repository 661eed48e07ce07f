"""A market's page shows how good its data is."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from cryptoml_site.clock import now
from registry.admin.lists import ReadOnlyAdmin
from training.market_data.quality import quality_of
from training.models import Market


class QualityAdmin(ReadOnlyAdmin[Market]):
    """Below a market's fields what is missing, absent, not believed or revised."""

    change_form_outer_after_template = "admin/training/market/quality.html"

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Market | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context["quality"] = quality_of(obj, at=now())
        return super().render_change_form(request, context, add, change, form_url, obj)
