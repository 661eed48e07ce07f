import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cryptoml_site.clock import now
from predictions.admin.export import csv_of
from predictions.admin.filters import (
    BetweenFilter,
    CallFilter,
    KeyFilter,
    MadeFilter,
    MarketFilter,
    OutcomeFilter,
    VersionFilter,
)
from predictions.admin.lineage import LineageAdmin
from predictions.models import ApiKey, Prediction
from predictions.outcomes import outcomes_of, said

PREFIX = re.compile(f"[0-9a-f]{{{ApiKey.PREFIX_LENGTH}}}")


@admin.register(Prediction)
class PredictionAdmin(LineageAdmin):
    """Every answer as it was given, newest first."""

    owner, moment = "model", "pk"
    list_display = (
        "made_at",
        "model",
        "version_number",
        "answer",
        "novelty",
        "about",
        "turned_out",
        "role",
        "actor",
    )
    list_filter = (
        BetweenFilter,
        MadeFilter,
        OutcomeFilter,
        "role",
        CallFilter,
        "model",
        VersionFilter,
        MarketFilter,
        KeyFilter,
    )
    list_filter_submit = True
    list_select_related = ("model", "version")
    list_before_template = "admin/predictions/prediction/export.html"
    search_fields = ("id", "key__prefix")
    search_help_text = "A prediction's id, or the first 8 characters of an API key"
    fields = (
        ("id", "made_at"),
        ("answered", "turned_out"),
        "novelty",
        ("version", "role"),
        ("market", "as_of"),
        ("horizon", "target_at"),
        ("deployment", "generation"),
        ("actor", "key"),
        ("simulated", "warnings"),
        "reference",
    )

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(self.export)
        return [path("export/", export, name="predictions_prediction_export"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Prediction]:
        """Without what is long of a version, and of no use to an answer."""
        return super().get_queryset(request).defer("version__metrics", "version__signature", "version__environment")

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """All rows that the list's filters and search leave, of all its pages."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return csv_of(self.get_changelist_instance(request).get_queryset(request), at=now())

    def dressed(self, rows: Sequence[Prediction]) -> Sequence[Prediction]:
        outcomes = outcomes_of(rows)
        for row in rows:
            row.outcome = outcomes.get(row.id)  # type: ignore[attr-defined]
        return rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Prediction], search_term: str
    ) -> tuple[QuerySet[Prediction], bool]:
        """By index or not at all: a search for parts of words would read the whole log."""
        term = search_term.strip().lower()
        if not term:
            return queryset, False
        if PREFIX.fullmatch(term):
            return queryset.filter(key__in=ApiKey.objects.filter(prefix=term)), False
        try:
            return queryset.filter(id=UUID(term)), False
        except ValueError:
            return queryset.none(), False

    @admin.display(description="version")
    def version_number(self, row: Prediction) -> int:
        return row.version.number

    @admin.display(description="about", empty_value="-")
    def about(self, row: Prediction) -> SafeString | None:
        """The market, and the candle that its features end with; None where the client sent the features."""
        if not row.market or row.as_of is None:
            return None
        as_of = f"as of {row.as_of:%Y-%m-%d %H:%M:%S}"
        return format_html('{}<div class="cm-small cm-quiet">{}</div>', row.market, as_of)

    @admin.display(description="answer")
    def answer(self, row: Prediction) -> SafeString | str:
        mark = format_html('{}<div class="cm-small cm-warn">simulated</div>', row.call)
        return mark if row.simulated else row.call

    @admin.display(description="answer")
    def answered(self, row: Prediction) -> str:
        if row.direction is None:
            return f"abstained: the model had a probability of up of {row.probability_up:.6f}, which nobody was told"
        return f"{row.direction}, probability of up {row.probability_up:.6f}"

    @admin.display(description="turned out")
    def turned_out(self, row: Any) -> str:
        outcome = row.outcome if hasattr(row, "outcome") else outcomes_of([row]).get(row.id)
        return said(row, outcome)
