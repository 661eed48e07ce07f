"""What is wrong now, and what was."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from monitoring.models import Alert
from registry.admin.pages import Confirmation, ConfirmingAdmin

MOST_TOLD = 50  # notifications on an alert's page


class NoteForm(forms.Form):
    note = forms.CharField(
        max_length=1_000, required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="Kept with the alert."
    )


class AcknowledgePage(Confirmation):
    name, verb = "acknowledge", "Acknowledge"
    permission_required = "monitoring.change_alert"
    form_class = NoteForm
    explanation = (
        "Somebody has seen it: while it lasts nobody is told again. It closes by itself once it is over. To "
        "have nothing sent of what this rule watches, silence the rule."
    )

    @classmethod
    def offered(cls, subject: Alert) -> bool:
        return subject.state == Alert.State.OPEN

    def change(self, answers: dict[str, Any]) -> str:
        self.subject.acknowledge(actor=self.actor, note=answers["note"])
        return f"'{self.subject}' is acknowledged"


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state.value, state.label.lower()) for state in Alert.State]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.in_state(self.value()) if self.value() in Alert.State.values else queryset


@admin.register(Alert)
class AlertAdmin(ConfirmingAdmin[Alert]):
    """Opened and closed by the look at all rules, each minute; people acknowledge them."""

    pages = (AcknowledgePage,)
    list_display = ("subject", "sentence", "severity", "state", "opened_at", "times_seen")
    list_filter = (StateFilter, "severity", "rule")
    list_select_related = ("rule",)
    ordering = ("-pk",)
    fields = (
        ("rule", "severity", "state"),
        "subject",
        "sentence",
        "found",
        ("opened_at", "last_seen_at", "times_seen"),
        ("acknowledged_at", "acknowledged_by"),
        "note",
        ("closed_at", "told_at"),
        "told",
    )
    readonly_fields = ("state", "found", "told")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Alert | None = None) -> bool:
        return False

    @admin.display(description="figures", empty_value="-")
    def found(self, alert: Alert) -> SafeString:
        return format_html_join("", "<div>{}: <b>{}</b></div>", alert.figures.items())

    @admin.display(description="who was told", empty_value="nobody")
    def told(self, alert: Alert) -> SafeString:
        rows = alert.notifications.select_related("channel").order_by("-pk")[:MOST_TOLD]
        lines = (
            (
                reverse("admin:monitoring_notification_change", args=[row.pk]),
                f"{row.event} to {row.channel.name}",
                f"{row.get_state_display().lower()}, {row.created_at:%Y-%m-%d %H:%M:%S} UTC",
                row.last_error,
            )
            for row in rows
        )
        return format_html_join("", '<div><a class="cm-strong" href="{}">{}</a>: {} {}</div>', lines)
