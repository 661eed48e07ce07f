from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cryptoml_site.clock import now
from registry.admin.links import links_to_related
from registry.admin.lists import ReadOnlyAdmin
from training.concerns import data_concern
from training.models import Market

MISSED = "admin:predictions_missedforecast_changelist"


@admin.register(Market)
class MarketAdmin(ReadOnlyAdmin[Market]):
    """Where candles come from, and how fresh they are."""

    list_display = ("name", "source_said", "interval", "newest_closed_at", "newest_close", "state", "missed")
    list_filter = ("source", "interval", "currency")
    search_fields = ("name", "coin")
    search_help_text = "Name of a market or a coin"
    fields = (
        "name",
        "coin",
        "currency",
        "interval",
        "source_said",
        "newest_closed_at",
        "newest_close",
        "state",
        "links",
        "missed",
        "simulation",
        "created_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Market]:
        return Market.objects.with_newest().order_by("name")

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

    @admin.display(description="see also")
    def links(self, market: Market) -> SafeString:
        models = reverse("admin:registry_registeredmodel_changelist")
        return format_html(
            '<a href="{}?market={}">Models</a> · {}', models, market, links_to_related(self.admin_site, market)
        )

    @admin.display(description="missed forecasts")
    def missed(self, market: Market) -> SafeString:
        return format_html('<a href="{}?model__market={}">show</a>', reverse(MISSED), market)
