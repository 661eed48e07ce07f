from django.contrib import admin

from registry.admin.lists import LogAdmin
from training.models import Outcome


@admin.register(Outcome)
class OutcomeAdmin(LogAdmin[Outcome]):
    """What the market did, once for every answer about the same candle."""

    owner, moment = "market", "as_of"
    list_display = (
        "as_of",
        "market",
        "horizon",
        "status",
        "change",
        "matures_at",
        "settled_at",
        "revision",
        "void_reason",
    )
    list_filter = ("status", "market")
    list_select_related = ("market",)

    @admin.display(description="change", empty_value="-")
    def change(self, outcome: Outcome) -> str | None:
        if outcome.close_at_start is None or outcome.close_at_end is None:
            return None
        return f"{outcome.close_at_end / outcome.close_at_start - 1:+.3%}"
