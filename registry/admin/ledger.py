from typing import Any

from django.contrib import admin
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from registry.admin.lists import ReadOnlyAdmin
from registry.models import Deployment


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin[Deployment]):
    """The ledger: rows are only ever added, by promotions, rollbacks and their like."""

    list_display = ("generation", "created_at", "model", "kind", "change", "actor", "shortened_reason", "gates")
    list_filter = ("kind", "model")
    list_select_related = ("model", "from_version", "to_version")
    search_fields = ("model__name", "actor", "reason")
    search_help_text = "Name of a model, actor (user:anna, key:ab12cd34, schedule:retrain), or words of the reason"
    sortable_by = ("generation",)
    fields = (
        "generation",
        "created_at",
        "model",
        "kind",
        "from_version",
        "to_version",
        "actor",
        "reason",
        "verdicts",
        "undoes",
        "request_id",
    )

    @admin.display(description="version")
    def change(self, row: Deployment) -> str:
        before = f"{row.from_version.number} → " if row.from_version else ""
        return f"{before}{row.to_version.number}"

    @admin.display(description="reason")
    def shortened_reason(self, row: Deployment) -> SafeString:
        short = row.reason if len(row.reason) <= 80 else f"{row.reason[:79]}…"
        return format_html('<span title="{}">{}</span>', row.reason, short)

    @admin.display(description="gates")
    def gates(self, row: Deployment) -> str:
        if not row.evidence:
            return "not asked"
        return "passed" if row.evidence["passed"] else "overridden"

    @admin.display(description="what the gates said")
    def verdicts(self, row: Deployment) -> str:
        return verdict_table(row.evidence.get("verdicts", [])) if row.evidence else "They were not asked."


def verdict_table(verdicts: list[dict[str, Any]]) -> str:
    """Each gate's answer with its sentence."""
    return render_to_string("admin/registry/verdicts.html", {"verdicts": verdicts})
