"""What is watched, and who is told."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from cryptoml_site.clock import now
from monitoring.alerts.kinds import ASKS, Asks, Kind
from monitoring.models import AlertRule
from monitoring.models.alert_rules import LONGEST_SILENCE
from registry.admin.history import HistoryAdmin
from registry.admin.pages import Confirmation, ConfirmingAdmin


class SilenceForm(forms.Form):
    hours = forms.FloatField(
        min_value=0.01,
        max_value=LONGEST_SILENCE.total_seconds() / 3_600,
        initial=2,
        help_text=f"From now on, at most {LONGEST_SILENCE.days} days.",
    )
    reason = forms.CharField(
        max_length=1_000, widget=forms.Textarea(attrs={"rows": 3}), help_text="Why, for the others."
    )


class SilencePage(Confirmation):
    name, verb = "silence", "Silence"
    permission_required = "monitoring.silence_alertrule"
    form_class = SilenceForm
    explanation = (
        "Its alerts are opened and shown as before, and nothing is sent of them. What lasts at the end of the silence "
        "is told then, once."
    )

    @classmethod
    def offered(cls, subject: AlertRule) -> bool:
        return subject.enabled

    def change(self, answers: dict[str, Any]) -> str:
        until = now() + timedelta(hours=answers["hours"])
        self.subject.silence(until=until, actor=self.actor, reason=answers["reason"])
        return f"'{self.subject}' is silenced until {until:%Y-%m-%d %H:%M} UTC"


class EndSilencePage(Confirmation):
    name, verb = "end-silence", "End the silence"
    permission_required = "monitoring.silence_alertrule"
    explanation = "What lasts now is told within a minute."

    @classmethod
    def offered(cls, subject: AlertRule) -> bool:
        return subject.silenced(now())

    def change(self, answers: dict[str, Any]) -> str:
        self.subject.end_silence(actor=self.actor)
        return f"'{self.subject}' is not silenced any more"


@admin.register(AlertRule)
class AlertRuleAdmin(HistoryAdmin, ConfirmingAdmin[AlertRule]):
    """Its history keeps each change and who made it. A rule that is not wanted is switched off."""

    pages = (SilencePage, EndSilencePage)
    list_display = ("name", "severity", "watches", "model", "told", "open_now", "silence", "enabled")
    list_filter = ("severity", "kind", "enabled")
    list_select_related = ("model",)
    ordering = ("name",)
    search_fields = ("name",)
    fields = (
        "name",
        ("kind", "severity"),
        "model",
        ("threshold", "minutes"),
        "fields_by_kind",
        "repeat_hours",
        "enabled",
        "channels",
        "silence",
        ("judged_at", "fault"),
    )
    readonly_fields = ("fields_by_kind", "silence", "judged_at", "fault")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertRule]:
        held = super().get_queryset(request).prefetch_related("channels")
        found: QuerySet[AlertRule] = held.annotate(open_alerts=Count("alerts", filter=Q(alerts__closed_at=None)))
        return found

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @admin.display(description="watches", ordering="kind")
    def watches(self, rule: AlertRule) -> str:
        bounds = ASKS[Kind(rule.kind)].threshold
        limit = [f"over {rule.threshold:g} {bounds.says}"] if bounds and rule.threshold and bounds.default else []
        kind = [] if rule.name == rule.get_kind_display() else [rule.get_kind_display()]
        return ", ".join([*kind, *limit]) or "-"

    @admin.display(description="told")
    def told(self, rule: AlertRule) -> str:
        return ", ".join(channel.name for channel in rule.channels.all()) or "nobody"

    @admin.display(description="open", ordering="open_alerts")
    def open_now(self, rule: Any) -> int:
        return int(rule.open_alerts)

    @admin.display(description="silence")
    def silence(self, rule: AlertRule) -> str:
        if rule.silenced_until is None or not rule.silenced(now()):
            return "none"
        return f"until {rule.silenced_until:%Y-%m-%d %H:%M} UTC, by {rule.silenced_by}: {rule.silence_reason}"

    @admin.display(description="what a kind asks")
    def fields_by_kind(self, rule: AlertRule) -> SafeString:
        rows = format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", map(_row, ASKS.items()))
        return format_html(
            '<details><summary>threshold, window and model by kind</summary><div class="cm-scroll">'
            '<table class="cm-table">'
            "<thead><tr><th>kind</th><th>threshold</th><th>window, minutes</th><th>of one model</th></tr></thead>"
            "<tbody>{}</tbody></table></div></details>",
            rows,
        )


def _row(asked: tuple[Kind, Asks]) -> tuple[str, str, str, str]:
    kind, asks = asked
    bounds = asks.threshold
    threshold = "none"
    if bounds is not None:
        usual = "" if bounds.default is None else f"; {bounds.default:g} is usual"
        threshold = f"{bounds.says}{usual}"
    minutes = "none" if asks.minutes is None else f"{asks.minutes:,} is usual"
    return kind.label, threshold, minutes, "possible" if asks.of_a_model else "no"
