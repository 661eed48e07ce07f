from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import urlize
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cryptoml_site.clock import now
from registry.admin.links import links_to_related
from registry.admin.pages import ConfirmingAdmin
from training.admin.fetching import AddMarketPage, AttributingAdmin, FetchPage, fetching_said
from training.admin.quality import QualityAdmin
from training.concerns import data_concern
from training.market_data.sources.catalogue import attribution_of
from training.models import Market

MISSED = "admin:predictions_missedforecast_changelist"


@admin.register(Market)
class MarketAdmin(AttributingAdmin, QualityAdmin, ConfirmingAdmin[Market]):
    """Where candles come from, and how fresh they are."""

    pages = (FetchPage,)
    list_display = (
        "name",
        "source_said",
        "interval",
        "newest_closed_at",
        "newest_close",
        "state",
        "fetching",
        "missed",
    )
    list_filter = ("source", "interval", "currency")
    search_fields = ("name", "coin")
    search_help_text = "Name of a market or a coin"
    fields = (
        "name",
        "coin",
        "currency",
        "interval",
        "source_said",
        "attribution",
        "newest_closed_at",
        "newest_close",
        "state",
        "fetching",
        "links",
        "missed",
        "simulation",
        "created_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Market]:
        return Market.objects.with_newest().select_related("fetch_state").order_by("name")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(str(AddMarketPage.permission_required))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return AddMarketPage.as_view(model_admin=self)(request)  # type: ignore[return-value]

    @admin.display(description="source", ordering="source")
    def source_said(self, market: Market) -> SafeString | str:
        return format_html("<strong>{}</strong>: no real prices", market.source) if market.simulated else market.source

    @admin.display(description="newest candle closed", empty_value="-")
    def newest_closed_at(self, market: Market) -> str | None:
        newest = market.newest_opened_at
        return f"{market.known_at(newest):%Y-%m-%d %H:%M:%S}" if newest else None

    @admin.display(description="close", empty_value="-")
    def newest_close(self, market: Market) -> float | None:
        return market.newest_close

    @admin.display(description="state")
    def state(self, market: Market) -> str:
        return data_concern(market, market.name, at=now()) or "fresh"

    @admin.display(description="fetching", empty_value="-")
    def fetching(self, market: Market) -> str | None:
        return fetching_said(market, now()) or None

    @admin.display(description="attribution", empty_value="-")
    def attribution(self, market: Market) -> SafeString | None:
        sentence = attribution_of(market.source)
        return urlize(sentence) if sentence else None

    @admin.display(description="see also")
    def links(self, market: Market) -> SafeString:
        models = reverse("admin:registry_registeredmodel_changelist")
        return format_html(
            '<a href="{}?market={}">Models</a> · {}', models, market, links_to_related(self.admin_site, market)
        )

    @admin.display(description="missed forecasts")
    def missed(self, market: Market) -> SafeString:
        return format_html('<a href="{}?model__market={}">show</a>', reverse(MISSED), market)
