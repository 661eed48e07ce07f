from django.contrib import admin
from django.utils.html import format_html_join

from cryptoml_site.clock import now
from predictions.models import WebProcess
from registry.admin.lists import ReadOnlyAdmin
from training.concerns import span


@admin.register(WebProcess)
class WebProcessAdmin(ReadOnlyAdmin[WebProcess]):
    """Heartbeats: what each web process serves. One that is gone is forgotten after a day."""

    list_display = ("__str__", "state", "generation", "problems_said", "spool_rows", "started_at", "seen_at")
    list_filter = ("host",)
    search_fields = ("host",)
    ordering = ("-seen_at",)
    fields = ("id", "host", "pid", "state", "generation", "problems_said", "spool_rows", "started_at", "seen_at")

    @admin.display(description="state")
    def state(self, process: WebProcess) -> str:
        silent = now() - process.seen_at
        return "alive" if silent <= WebProcess.SILENCE else f"gone, last seen {span(silent)} ago"

    @admin.display(description="problems")
    def problems_said(self, process: WebProcess) -> str:
        said = ((f"{model}: {reason}",) for model, reason in process.problems.items())
        return format_html_join("", "<div>{}</div>", said) or "none"
