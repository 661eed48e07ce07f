from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget

from registry.admin.history import HistoryAdmin
from registry.admin.lists import QuickAdmin
from registry.gates import gate_names
from registry.models import GateOverride


@admin.register(GateOverride)
class GateOverrideAdmin(HistoryAdmin, QuickAdmin[GateOverride]):
    """What the gates ask of one model otherwise than of all; its history keeps each change and who made it."""

    list_display = ("__str__", "model", "enabled", "options")
    list_filter = ("model", "enabled")
    list_select_related = ("model",)
    ordering = ("pk",)
    search_fields = ("gate", "model__name")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "gate":
            return forms.ChoiceField(
                choices=[(name, name.rpartition(".")[2]) for name in gate_names()], widget=UnfoldAdminSelectWidget
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)
