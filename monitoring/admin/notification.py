"""What was sent, or waits, and how each attempt went."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from monitoring.alerts.queueing import send_soon
from monitoring.models import Notification
from registry.admin.pages import Confirmation, ConfirmingAdmin

MOST_ATTEMPTS = 100


class RedeliverPage(Confirmation):
    name, verb = "redeliver", "Redeliver"
    permission_required = "monitoring.change_notification"
    explanation = "It is sent once more, with the same id and the same words: a receiver that has it drops it."

    @classmethod
    def offered(cls, subject: Notification) -> bool:
        return True

    def change(self, answers: dict[str, Any]) -> str:
        with transaction.atomic():
            self.subject.redeliver()
            send_soon()
        return f"'{self.subject}' waits to be sent"


@admin.register(Notification)
class NotificationAdmin(ConfirmingAdmin[Notification]):
    pages = (RedeliverPage,)
    list_display = ("created_at", "event", "channel", "text", "state", "attempts", "sent_at", "last_error")
    list_filter = ("state", "event", "channel")
    list_select_related = ("channel", "alert__rule")
    ordering = ("-pk",)
    fields = (
        ("event", "channel", "alert"),
        "text",
        ("state", "attempts"),
        ("created_at", "sent_at", "next_attempt_at"),
        "last_error",
        "deliveries",
        "id",
    )
    readonly_fields = ("text", "deliveries", "id")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Notification | None = None) -> bool:
        return False

    @admin.display(description="says")
    def text(self, notification: Notification) -> str:
        return str(notification.payload.get("text", ""))

    @admin.display(description="attempts, newest first", empty_value="none yet")
    def deliveries(self, notification: Notification) -> SafeString | None:
        rows = [
            (f"{row.at:%Y-%m-%d %H:%M:%S}", row.status or "-", f"{row.milliseconds:,}", row.error or "sent", row.answer)
            for row in notification.deliveries.all()[:MOST_ATTEMPTS]
        ]
        if not rows:
            return None
        return format_html(
            '<div class="cm-scroll"><table class="cm-table"><thead><tr><th>at (UTC)</th><th>status</th><th>ms</th>'
            "<th>outcome</th><th>answer</th></tr></thead><tbody>{}</tbody></table></div>",
            format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", rows),
        )
