import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from predictions.admin.filters import MadeFilter, MarketFilter, VersionFilter
from predictions.models import ApiKey, Prediction
from predictions.outcomes import outcomes_of, said
from registry.admin.lists import LogAdmin

PREFIX = re.compile(f"[0-9a-f]{{{ApiKey.PREFIX_LENGTH}}}")


@admin.register(Prediction)
class PredictionAdmin(LogAdmin[Prediction]):
    """Every answer as it was given, newest first."""

    owner, moment = "model", "pk"
    list_display = (
        "made_at",
        "model",
        "version_number",
        "answer",
        "market",
        "as_of",
        "turned_out",
        "role",
        "actor",
        "simulated",
    )
    list_filter = ("role", "direction", MadeFilter, "model", VersionFilter, MarketFilter)
    list_select_related = ("model", "version")
    search_fields = ("id", "key__prefix")
    search_help_text = "A prediction's id, or the first 8 characters of an API key"
    fields = (
        "id",
        "made_at",
        ("model", "version"),
        "deployment",
        "generation",
        "role",
        "actor",
        "key",
        ("direction", "probability_up", "confidence"),
        "market",
        ("as_of", "horizon", "target_at"),
        "turned_out",
        "simulated",
        "warnings",
        "features",
        "candles_sha256",
    )

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

    @admin.display(description="answer")
    def answer(self, row: Prediction) -> str:
        return f"{row.direction} {row.confidence:.3f}"

    @admin.display(description="confidence")
    def confidence(self, row: Prediction) -> float:
        return row.confidence

    @admin.display(description="turned out")
    def turned_out(self, row: Any) -> str:
        outcome = row.outcome if hasattr(row, "outcome") else outcomes_of([row]).get(row.id)
        return said(row, outcome)

    @admin.display(description="what the model saw")
    def features(self, row: Prediction) -> SafeString:
        return format_html_join("", "<div>{} = {}</div>", zip(row.version.feature_names, row.vector, strict=True))
