"""Where alerts are sent to. An address may be a secret: lists show its host and its end."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget

from cryptoml_site.clock import now
from monitoring.alerts.messages import payload_of_test
from monitoring.alerts.queueing import send_soon
from monitoring.models import AlertChannel, Notification
from registry.admin.history import HistoryAdmin
from registry.admin.pages import Confirmation, ConfirmingAdmin


class TestPage(Confirmation):
    name, verb = "test", "Send a test"
    permission_required = "monitoring.change_alertchannel"
    explanation = "One notification goes into the outbox, as an alert's would. Its page tells how the delivery went."

    @classmethod
    def offered(cls, subject: AlertChannel) -> bool:
        return subject.enabled

    def change(self, answers: dict[str, Any]) -> str:
        with transaction.atomic():
            told = payload_of_test(self.subject.name, asked_by=self.actor, at=now())
            self.sent = Notification.objects.create(channel=self.subject, event=Notification.Event.TEST, payload=told)
            send_soon()
        return f"a test waits to be sent to '{self.subject}'"

    @property
    def landing(self) -> str:
        return reverse("admin:monitoring_notification_change", args=[self.sent.pk])


class ReplaceSecretPage(Confirmation):
    name, verb = "replace-secret", "Replace the secret"
    permission_required = "monitoring.change_alertchannel"
    takes_away = True
    explanation = (
        "All is signed with another secret from then on, also what waits already: a receiver refuses it until it "
        "knows the new one."
    )

    @classmethod
    def offered(cls, subject: AlertChannel) -> bool:
        return subject.kind == AlertChannel.Kind.WEBHOOK

    def change(self, answers: dict[str, Any]) -> str:
        self.subject.replace_secret()
        return f"'{self.subject}' has a new secret"


@admin.register(AlertChannel)
class AlertChannelAdmin(HistoryAdmin, ConfirmingAdmin[AlertChannel]):
    """Its history keeps each change and who made it, but no address."""

    pages = (TestPage, ReplaceSecretPage)
    list_display = ("name", "kind", "goes_to", "enabled", "created_at")
    list_filter = ("kind", "enabled")
    ordering = ("name",)
    search_fields = ("name",)
    readonly_fields = ("goes_to", "signing_secret")

    def get_fields(self, request: HttpRequest, obj: AlertChannel | None = None) -> list[Any]:
        if not self.has_change_permission(request, obj):
            return ["name", "kind", "enabled", "goes_to"]
        secret = ["signing_secret"] if obj is not None and obj.kind == AlertChannel.Kind.WEBHOOK else []
        return ["name", "kind", "enabled", "url", "addresses", *secret]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "addresses":
            kwargs["widget"] = UnfoldAdminTextareaWidget(attrs={"rows": 3})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description="goes to")
    def goes_to(self, channel: AlertChannel) -> str:
        return channel.shown

    @admin.display(description="secret")
    def signing_secret(self, channel: AlertChannel) -> SafeString:
        return format_html(
            "<details><summary>show what this webhook is signed with</summary><code>{}</code></details>", channel.secret
        )
