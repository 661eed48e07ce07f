"""When models are trained without anybody asking."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from cryptoml_site.clock import now
from cryptoml_site.errors import Invalid, Refused
from registry.admin.dressing import dress
from registry.admin.history import HistoryAdmin
from registry.admin.lists import QuickAdmin
from registry.admin.pages import Confirmation, ConfirmingAdmin
from training.features.feature_set import FEATURE_SETS
from training.forms import option_field
from training.models import RetrainingPolicy
from training.models.run import ESTIMATOR_NAMES
from training.recipe import Options
from training.retraining import request_retraining

RUNS = "admin:training_trainingrun_changelist"
NAMES = {"estimator": ESTIMATOR_NAMES, "feature_set": tuple(FEATURE_SETS)}


class Suggesting(UnfoldAdminTextInputWidget):  # type: ignore[misc]  # Unfold ships no types
    """Any text, with some to choose from."""

    def __init__(self, suggestions: Iterable[str]) -> None:
        super().__init__()
        self.suggestions = list(suggestions)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        drawn = super().render(name, value, {**(attrs or {}), "list": f"{name}-names", "autocomplete": "off"}, renderer)
        options = format_html_join("", '<option value="{}">', ((text,) for text in self.suggestions))
        return format_html('{}<datalist id="{}-names">{}</datalist>', drawn, name, options)


class OptionsForm(forms.Form):
    """A field for each option of a recipe."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update({entry.name: option_field(entry) for entry in fields(Options)})


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]  # it takes no parameter when it runs
    """With the options of the recipe, each in a field of its own; what is left at its default is not kept."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.update(self.instance.options or {})

    def clean(self) -> dict[str, Any]:
        answers: dict[str, Any] = super().clean() or {}
        given = {entry.name: answers.get(entry.name) for entry in fields(Options)}
        try:
            chosen = Options.parse({name: value for name, value in given.items() if value not in (None, "")})
        except Invalid as invalid:
            self.add_error((invalid.field or "").removeprefix("options."), str(invalid))
        else:
            self.instance.options = chosen.as_json()
        return answers


PolicyForm.declared_fields.update(dress(OptionsForm()).fields)  # where the admin looks for what is no column


class RetrainPage(Confirmation):
    """By the policy's own door, so that it shows what the schedule will do."""

    name, verb = "retrain", "Retrain now"
    permission_required = "training.add_trainingrun"
    explanation = (
        "A run is queued as the schedule would queue it: within the cool-down and the daily limit, by this recipe. "
        "What becomes of its version is what is said here."
    )

    @classmethod
    def offered(cls, subject: RetrainingPolicy) -> bool:
        return subject.enabled

    def change(self, answers: dict[str, Any]) -> str:
        asked = f"{self.actor} asked for it"
        return f"{request_retraining(self.subject.model, reason=asked, actor=self.actor)} is queued"


@admin.register(RetrainingPolicy)
class RetrainingPolicyAdmin(HistoryAdmin, ConfirmingAdmin[RetrainingPolicy]):
    """A model's own; its history keeps each change and who made it."""

    form = PolicyForm
    pages = (RetrainPage,)
    list_display = ("model", "enabled", "rhythm", "becomes", "standing", "last_answer", "answered_at", "runs")
    list_filter = ("enabled", "auto_promote", "model")
    ordering = ("pk",)
    search_fields = ("model__name",)
    search_help_text = "Name of a model"
    readonly_fields = ("standing", "last_answer", "answered_at", "runs")
    fieldsets = (
        (None, {"fields": ("model", "enabled")}),
        (
            "When it is trained",
            {"fields": (("every_candles", "every_days"), "on_drift", ("cool_down_hours", "daily_limit"))},
        ),
        ("What becomes of its version", {"fields": (("auto_stage", "auto_promote"),)}),
        (
            "By which recipe",
            {"fields": (("estimator", "feature_set"), "params", ("folds", "seed"))},
        ),
        (
            "Options of the recipe",
            {"fields": tuple(entry.name for entry in fields(Options)), "classes": ("collapse",)},
        ),
        ("Limits of a run", {"fields": (("time_limit_minutes", "memory_limit_mb"),)}),
    )

    def has_delete_permission(self, request: HttpRequest, obj: RetrainingPolicy | None = None) -> bool:
        return QuickAdmin.has_delete_permission(self, request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: RetrainingPolicy | None = None) -> Any:
        """How it stands, once there is one."""
        held = ((None, {"fields": self.readonly_fields}),) if obj else ()
        return (*held, *self.fieldsets)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetrainingPolicy]:
        return RetrainingPolicy.objects.with_facts(now()).order_by("pk")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in NAMES:
            kwargs["widget"] = Suggesting(NAMES[db_field.name])
        if db_field.name == "params":
            kwargs["widget"] = UnfoldAdminTextareaWidget(attrs={"rows": 2})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description="trained")
    def rhythm(self, policy: RetrainingPolicy) -> str:
        return policy.rhythm

    @admin.display(description="what passes the gates")
    def becomes(self, policy: RetrainingPolicy) -> str:
        if policy.auto_promote:
            return "is promoted"
        return "is staged" if policy.auto_stage else "stays a candidate"

    @admin.display(description="now", empty_value="-")
    def standing(self, policy: RetrainingPolicy) -> str | None:
        return standing(policy, now()) if policy.pk else None

    @admin.display(description="its runs", empty_value="-")
    def runs(self, policy: RetrainingPolicy) -> SafeString | None:
        if not policy.pk:
            return None
        return format_html('<a href="{}?policy__id__exact={}">show</a>', reverse(RUNS), policy.pk)


def standing(policy: RetrainingPolicy, at: datetime) -> str:
    """When the model is trained next, or why it is not."""
    if policy.interval is None:
        return f"market {policy.model.market} is gone: nothing can be learnt"
    reason = policy.due(at)
    try:
        policy.check_free(at)
    except Refused as refused:
        return f"{refused}; it is due: {reason}" if reason else str(refused)
    if reason:
        return f"due: {reason}"
    if policy.newest_opened_at is None:
        return f"{policy.model.market} has no candles yet"
    if policy.every_candles is None and policy.every_days is None:
        return "next when a drift check finds that its answers go wrong"
    if policy.every_candles is not None:
        left = policy.every_candles - policy.new_candles
        return f"next when {left:,} more candle{'s have' if left != 1 else ' has'} closed"
    if policy.next_at > at:
        return f"next on {policy.next_at:%Y-%m-%d %H:%M} UTC"
    return "next when a candle has closed"
