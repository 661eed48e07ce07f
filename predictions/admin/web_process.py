from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join

from cryptoml_site.clock import now
from predictions.models import WebProcess
from registry.admin.lists import ReadOnlyAdmin
from training.concerns import span


@admin.register(WebProcess)
class WebProcessAdmin(ReadOnlyAdmin[WebProcess]):
    """Heartbeats: what each web process serves. One that is gone is forgotten after a day."""

    list_display = ("__str__", "state", "serves", "behind", "problems_said", "spooled", "started_at", "seen_at")
    list_filter = ("host",)
    search_fields = ("host",)
    ordering = ("-seen_at",)
    fields = ("id", "host", "pid", "state", "serves", "behind", "problems_said", "spooled", "started_at", "seen_at")

    def get_queryset(self, request: HttpRequest) -> Any:
        rows: Any = super().get_queryset(request)
        return rows.with_moves_not_served()

    @admin.display(description="state")
    def state(self, process: WebProcess) -> str:
        return f"gone, last seen {span(now() - process.seen_at)} ago" if is_gone(process) else "alive"

    @admin.display(description="generation")
    def serves(self, process: WebProcess) -> str:
        newest = process.newest_generation or 0
        return f"{process.generation} of {newest}" if process.generation < newest else f"{process.generation}, newest"

    @admin.display(description="ledger", empty_value="-")
    def behind(self, process: WebProcess) -> str | None:
        """When it was last seen: a move that came since is on its way."""
        if is_gone(process):
            return None
        if process.lags:
            return f"{span(process.lag)} behind"
        return "up to date" if process.moved_at is None else "a move is on its way"

    @admin.display(description="spool", ordering="spool_rows")
    def spooled(self, process: WebProcess) -> str:
        if not process.spool_rows:
            return "empty"
        return f"{process.spool_rows:,} answers {'when last seen' if is_gone(process) else 'wait for Postgres'}"

    @admin.display(description="problems")
    def problems_said(self, process: WebProcess) -> str:
        said = ((f"{model}: {reason}",) for model, reason in process.problems.items())
        return format_html_join("", "<div>{}</div>", said) or "none"


def is_gone(process: WebProcess) -> bool:
    return now() - process.seen_at > WebProcess.SILENCE
