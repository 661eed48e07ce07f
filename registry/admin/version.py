import json
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, FloatField, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from registry.actors import user_actor
from registry.admin.charts import charts
from registry.admin.comparing import Comparison
from registry.admin.files import Files, hand_out
from registry.admin.links import links_to_related, made_by
from registry.admin.lists import ReadOnlyAdmin
from registry.admin.moves import VERSION_PAGES, RollbackPage
from registry.admin.pages import ConfirmingAdmin
from registry.bundles import BundleAltered
from registry.labels import ALARMING, WARNING, pill, stage_pill
from registry.models import ModelVersion, VersionEdit
from registry.plots import plots, undrawn

ROLLBACK = "admin:registry_registeredmodel_rollback"


class VersionEditInline(TabularInline):  # type: ignore[misc]  # Unfold ships no types
    """What was said of the version before, newest first."""

    model = VersionEdit
    fields = readonly_fields = ("created_at", "actor", "before", "after")
    verbose_name_plural = "Edits of tags and description"
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ModelVersion)
class ModelVersionAdmin(ConfirmingAdmin[ModelVersion]):
    """Immutable but for its stage, which the pages move, and its tags and description, whose edits are kept."""

    pages = VERSION_PAGES
    inlines = (VersionEditInline,)
    change_form_template = "admin/registry/modelversion/change_form.html"
    list_display = (
        "version",
        "stage_said",
        "accuracy",
        "edge",
        "estimator",
        "feature_set",
        "tags",
        "created_at",
        "created_by",
    )
    list_filter = ("stage", "simulated", "estimator", "feature_set", "model")
    list_select_related = ("model",)
    list_per_page = 50
    ordering = ("-pk",)
    search_fields = ("model__name", "tags__icontains", "description", "^bundle")
    search_help_text = "Name of a model, a tag, words of the description, or the beginning of the bundle's sha256"
    fieldsets = (("What people say of it", {"fields": ("tags", "description")}),)

    def get_urls(self) -> list[URLPattern]:
        download, report = (self.admin_site.admin_view(view) for view in (self.download, self.report))
        return [
            path("<int:pk>/files/<str:name>", download, name="registry_modelversion_file"),
            path("<int:pk>/report.html", report, name="registry_modelversion_report"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        measured = {"accuracy_value": "metrics__metrics__accuracy__value", "edge_value": "metrics__edge__value"}
        return (
            super()
            .get_queryset(request)
            .annotate(measured=F("metrics__metrics__accuracy"), beside=F("metrics__baseline"), lead=F("metrics__edge"))
            .annotate(**{name: Cast(KT(where), FloatField()) for name, where in measured.items()})
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_form(
        self, request: HttpRequest, obj: ModelVersion | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        said = {"tags": "Separated by commas.", "description": "Each edit is kept: see below."}
        worn = {"tags": UnfoldAdminTextInputWidget, "description": UnfoldAdminTextareaWidget}
        return super().get_form(request, obj, change, help_texts=said, widgets=worn, **kwargs)

    def save_model(self, request: HttpRequest, obj: ModelVersion, form: Any, change: bool) -> None:
        VersionEdit.objects.write(obj, tags=obj.tags, description=obj.description, actor=user_actor(request.user))

    def page_of(self, request: HttpRequest, row: ModelVersion) -> dict[str, Any]:
        version, drawn = row, plots(row.metrics)
        return {
            "version": version,
            "suspension": version.model.suspension,
            "quarantine": version.model.deployments.quarantines().filter(from_version=version).first(),
            "comparison": Comparison([version]),
            "plots": charts(drawn),
            "undrawn": undrawn(drawn),
            "rollback": self._rollback(request, version),
            "files": Files(version),
            "made_by": made_by(self.admin_site, version),
            "history": version.deployments.select_related("to_version", "from_version")[:10],
            "report": json.dumps(version.metrics, indent=1),
            "environment": json.dumps(version.environment, indent=1),
            "links": links_to_related(self.admin_site, version),
        }

    def _rollback(self, request: HttpRequest, version: ModelVersion) -> str:
        """Where to leave this version from; empty where it does not answer, or for who may not."""
        may = version.stage == ModelVersion.Stage.PRODUCTION and request.user.has_perm(RollbackPage.permission_required)
        return reverse(ROLLBACK, args=[version.model_id]) if may and RollbackPage.offered(version.model) else ""

    def download(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        version = self._seen(request, pk)
        try:
            return hand_out(version, name)
        except BundleAltered as altered:
            self.message_user(request, str(altered), messages.ERROR)
            return redirect("admin:registry_modelversion_change", pk)

    def report(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The page of settings.VERSION_REPORT: it has no script, and asks nothing of any host."""
        version = self._seen(request, pk)
        answer = HttpResponse(import_string(settings.VERSION_REPORT)(version))
        answer["Content-Disposition"] = f'inline; filename="{version.model.name}-v{version.number}-report.html"'
        answer["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        return answer

    def _seen(self, request: HttpRequest, pk: int) -> ModelVersion:
        if not self.has_view_permission(request):
            raise PermissionDenied
        version = ModelVersion.objects.select_related("model").filter(pk=pk).first()
        if version is None:
            raise Http404("there is no such version")
        return version

    def dressed(self, rows: Sequence[ModelVersion]) -> Sequence[ModelVersion]:
        shut = set(ModelVersion.objects.quarantined().filter(pk__in=[v.pk for v in rows]).values_list("pk", flat=True))
        for version in rows:
            version.shut = version.pk in shut  # type: ignore[attr-defined]
        return rows

    @admin.display(description="version", ordering="model__name")
    def version(self, version: ModelVersion) -> str:
        return str(version)

    @admin.display(description="stage", ordering="stage")
    def stage_said(self, version: Any) -> SafeString:
        marks = [pill("quarantined", ALARMING)] if version.shut else []
        marks += [pill("files purged", WARNING)] if version.purged_at else []
        marks += [pill("simulated")] if version.simulated else []
        return format_html_join(" ", "{}", ((mark,) for mark in [stage_pill(version.stage), *marks]))

    @admin.display(description="accuracy (naive rule)", ordering="accuracy_value")
    def accuracy(self, version: Any) -> str:
        if version.measured is None:
            return "no report"
        return f"{version.measured['value']:.3f} ({version.beside['accuracy']:.3f})"

    @admin.display(description="edge", ordering="edge_value")
    def edge(self, version: Any) -> str:
        lead = version.lead
        if lead is None:
            return ""
        interval = "" if lead["low"] is None else f" [{lead['low']:+.3f}, {lead['high']:+.3f}]"
        return f"{lead['value']:+.3f}{interval}"


@admin.register(VersionEdit)
class VersionEditAdmin(ReadOnlyAdmin[VersionEdit]):
    list_display = ("created_at", "version", "actor", "before", "after")
    list_select_related = ("version__model",)
    list_filter = ("version__model",)
    search_fields = ("actor", "version__model__name")
