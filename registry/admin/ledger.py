from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import TextFilter

from registry.admin.dressing import dress
from registry.admin.lists import ReadOnlyAdmin
from registry.admin.moments import utc_moment
from registry.labels import ALARMING, GOOD, PLAIN, WARNING, pill
from registry.models import Deployment

Kind = Deployment.Kind
TONES = {Kind.PROMOTE: GOOD, Kind.ROLLBACK: WARNING, Kind.SUSPEND: ALARMING}


class MomentForm(forms.Form):
    at = forms.CharField(
        required=False,
        label="What was in production at (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}),
    )


class MomentFilter(TextFilter):  # type: ignore[misc]  # Unfold ships no types
    """Of each model the row in force at a moment, and that of its suspension if it was suspended."""

    title, parameter_name = "moment", "at"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Deployment]) -> QuerySet[Deployment] | None:
        if not self.value():
            return None
        moment = utc_moment(self.value())
        if moment is None:
            messages.error(request, f"'{self.value()}' is no moment: write it as 2026-11-23T10:00 (UTC)")
            return queryset.none()
        rows = Deployment.objects
        return queryset.filter(
            Q(pk__in=rows.in_force(moment).values("pk")) | Q(pk__in=rows.suspensions(moment).values("pk"))
        )

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        yield {"form": dress(MomentForm({"at": self.value()}))}


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin[Deployment]):
    """The ledger: rows are only ever added, by promotions, rollbacks and their like."""

    list_display = ("generation", "created_at", "model", "kind_said", "change", "actor", "shortened_reason", "gates")
    list_filter = (MomentFilter, "kind", "model")
    list_filter_submit = True
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

    @admin.display(description="kind")
    def kind_said(self, row: Deployment) -> SafeString:
        return pill(row.kind, TONES.get(Kind(row.kind), PLAIN))

    @admin.display(description="version")
    def change(self, row: Deployment) -> str:
        before = f"{row.from_version.number} → " if row.from_version else ""
        return f"{before}{row.to_version.number}"

    @admin.display(description="reason")
    def shortened_reason(self, row: Deployment) -> SafeString:
        short = row.reason if len(row.reason) <= 80 else f"{row.reason[:79]}…"
        return format_html('<span title="{}">{}</span>', row.reason, short)

    @admin.display(description="gates")
    def gates(self, row: Deployment) -> SafeString | str:
        if row.evidence.get("overridden_at_rollback"):
            return pill("overridden", ALARMING)
        if not row.evidence or row.kind != Kind.PROMOTE:  # a rollback bears those of the promotion that it repeats
            return "not asked"
        return "passed" if row.evidence["passed"] else pill("overridden", ALARMING)

    @admin.display(description="what the gates said")
    def verdicts(self, row: Deployment) -> str:
        said = verdict_table(row.evidence.get("verdicts", [])) if row.evidence else "They were not asked."
        repeats = row.evidence and row.kind == Kind.ROLLBACK
        return format_html("<p>They were not asked. Of its promotion they had said:</p>{}", said) if repeats else said


def verdict_table(verdicts: list[dict[str, Any]]) -> str:
    """Each gate's answer with its sentence."""
    return render_to_string("admin/registry/verdicts.html", {"verdicts": verdicts})
