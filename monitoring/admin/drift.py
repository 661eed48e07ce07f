"""Drift in the admin: checks to read, incidents to acknowledge and close."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from monitoring.drift.findings import Channel, Status
from monitoring.models import DriftCheck, DriftEvent
from registry.admin.lists import LogAdmin
from registry.admin.pages import Confirmation, ConfirmingAdmin

FIGURES = ("contribution", "ks", "wasserstein", "z", "psi", "effective_n", "p")


class NoteForm(forms.Form):
    note = forms.CharField(
        max_length=1_000, required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="Kept with the incident."
    )


class ReasonedForm(NoteForm):
    note = forms.CharField(max_length=1_000, widget=forms.Textarea(attrs={"rows": 3}), help_text="Why it is over.")


class AcknowledgePage(Confirmation):
    name, verb = "acknowledge", "Acknowledge"
    permission_required = "monitoring.change_driftevent"
    form_class = NoteForm
    explanation = "It says that somebody has seen it. The incident stays open until it is calm, or is closed."

    @classmethod
    def offered(cls, subject: DriftEvent) -> bool:
        return subject.state == "open"

    def change(self, answers: dict[str, Any]) -> str:
        self.subject.acknowledge(actor=self.actor, note=answers["note"])
        return f"{self.subject} is acknowledged"


class ClosePage(Confirmation):
    name, verb = "close", "Close"
    permission_required = "monitoring.change_driftevent"
    form_class = ReasonedForm
    explanation = "The next alarm of this channel opens another incident."

    @classmethod
    def offered(cls, subject: DriftEvent) -> bool:
        return subject.closed_at is None

    def change(self, answers: dict[str, Any]) -> str:
        self.subject.close(actor=self.actor, note=answers["note"])
        return f"{self.subject} is closed"


@admin.register(DriftEvent)
class DriftEventAdmin(ConfirmingAdmin[DriftEvent]):
    """Incidents: opened by checks, closed by calm ones or by people."""

    pages = (AcknowledgePage, ClosePage)
    list_display = ("model", "version", "channel", "state", "opened_at", "alarms", "sentence")
    list_filter = ("channel", "model")
    list_select_related = ("model", "version__model")
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: DriftEvent | None = None) -> bool:
        return False


@admin.register(DriftCheck)
class DriftCheckAdmin(LogAdmin[DriftCheck]):
    """What each look at a model found."""

    owner, moment = "model", "checked_at"
    list_display = ("model", "asked_at", "state", "status", *(channel.value for channel in Channel), "asked_by")
    list_filter = ("status", "state", "model")
    list_select_related = ("model",)
    fields = (
        ("model", "version"),
        ("state", "status"),
        ("asked_by", "asked_at", "checked_at"),
        "error",
        ("source", "rows"),
        ("first_at", "last_at"),
        "reaction",
        "by_channel",
        "by_feature",
    )

    @admin.display(description="integrity")
    def integrity(self, check: DriftCheck) -> str:
        return check.status_of(Channel.INTEGRITY).label

    @admin.display(description="distribution")
    def distribution(self, check: DriftCheck) -> str:
        return check.status_of(Channel.DISTRIBUTION).label

    @admin.display(description="prediction")
    def prediction(self, check: DriftCheck) -> str:
        return check.status_of(Channel.PREDICTION).label

    @admin.display(description="outcome")
    def outcome(self, check: DriftCheck) -> str:
        return check.status_of(Channel.OUTCOME).label

    @admin.display(description="channels", empty_value="-")
    def by_channel(self, check: DriftCheck) -> SafeString:
        told = ((channel, check.channels.get(channel)) for channel in Channel)
        rows = ((channel.value, Status(found["status"]).label, found["says"]) for channel, found in told if found)
        return format_html_join("", "<p><b>{}</b>: {}. {}</p>", rows)

    @admin.display(description="features", empty_value="-")
    def by_feature(self, check: DriftCheck) -> SafeString:
        """The farthest first."""
        farthest = sorted(check.features, key=lambda each: -(each["contribution"] or 0.0))
        head = format_html_join("", "<th>{}</th>", ((name,) for name in ("feature", *FIGURES)))
        rows = ((each["name"], *(_figure(each[name]) for name in FIGURES)) for each in farthest)
        body = format_html_join("", f"<tr>{'<td>{}</td>' * (len(FIGURES) + 1)}</tr>", rows)
        return format_html(
            '<div class="cm-scroll"><table class="cm-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
            head,
            body,
        )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
