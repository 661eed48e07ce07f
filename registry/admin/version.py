import json
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from registry.actors import user_actor
from registry.admin.figures import figures
from registry.admin.links import links_to_related
from registry.admin.lists import ReadOnlyAdmin
from registry.admin.pages import Confirmation, ConfirmingAdmin
from registry.forms import PromotionForm, ReasonForm
from registry.gates import judge
from registry.models import ModelVersion, VersionEdit

Stage = ModelVersion.Stage


class StagePage(Confirmation):
    """A candidate is staged: ready to answer, and to be tried by its number."""

    name, verb = "stage", "Stage"
    permission_required = "registry.change_modelversion"
    form_class = ReasonForm
    explanation = "A staged version is kept ready and can be tried by number; what answers stays as it is."

    @classmethod
    def offered(cls, subject: ModelVersion) -> bool:
        return subject.stage == Stage.CANDIDATE

    def change(self, answers: dict[str, Any]) -> str:
        moved = self.subject.to_staging(actor=self.actor, reason=answers["reason"])
        return f"{self.subject} is staged: generation {moved.generation}"


class PromotePage(Confirmation):
    """Shows what answers now and what would, the figures beside their baselines, and what each gate says."""

    name, verb = "promote", "Promote"
    permission_required = "registry.change_modelversion"
    form_class = PromotionForm
    template_name = "admin/registry/promote.html"

    @classmethod
    def offered(cls, subject: ModelVersion) -> bool:
        return subject.stage in (Stage.CANDIDATE, Stage.STAGING)

    @property
    def may_override(self) -> bool:
        return self.request.user.has_perm("registry.override_gates")

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "may_override": self.may_override}

    def post(self, request: HttpRequest, *args: str, **kwargs: Any) -> HttpResponse:
        if "override" in request.POST and not self.may_override:
            raise PermissionDenied("overriding gates needs the permission registry.override_gates")
        return super().post(request, *args, **kwargs)

    def change(self, answers: dict[str, Any]) -> str:
        moved = self.subject.promote(actor=self.actor, reason=answers["reason"], override=answers["override"])
        return f"{self.subject} is in production: generation {moved.generation}"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        version, production = self.subject, self.subject.model.versions.in_production().first()
        return super().get_context_data(
            production=production,
            compared=compared(version, production),
            verdicts=judge(version, override=True).as_json()["verdicts"],
            **kwargs,
        )


class VersionEditInline(admin.TabularInline):  # type: ignore[type-arg]  # takes no parameters when it runs
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

    pages = (PromotePage, StagePage)
    inlines = (VersionEditInline,)
    list_display = (
        "__str__",
        "stage",
        "accuracy",
        "edge",
        "estimator",
        "feature_set",
        "simulated",
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
    fieldsets = (
        (None, {"fields": ("model", "number", "stage", "links", "beside_baseline")}),
        ("What people say of it", {"fields": ("tags", "description", "claimed")}),
        (
            "Where it comes from",
            {
                "fields": (
                    ("data_start", "data_end"),
                    "simulated",
                    "estimator",
                    "params",
                    "feature_set",
                    ("created_at", "created_by"),
                    "bundle",
                    "data_sha256",
                    "feature_set_sha256",
                    "code_revision",
                )
            },
        ),
        ("What it asks for", {"fields": ("features",)}),
        ("The whole report, and what fitted it", {"fields": ("report", "environment"), "classes": ("collapse",)}),
    )
    editable = ("tags", "description")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        return (
            super()
            .get_queryset(request)
            .annotate(measured=F("metrics__metrics__accuracy"), beside=F("metrics__baseline"), lead=F("metrics__edge"))
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_form(
        self, request: HttpRequest, obj: ModelVersion | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        said = {"tags": "Separated by commas.", "description": "Each edit is kept: see below."}
        return super().get_form(request, obj, change, help_texts=said, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: ModelVersion | None = None) -> list[str]:
        named = [name for _, options in self.fieldsets for field in options["fields"] for name in _flat(field)]
        return [name for name in named if name not in self.editable]

    def save_model(self, request: HttpRequest, obj: ModelVersion, form: Any, change: bool) -> None:
        VersionEdit.objects.write(obj, tags=obj.tags, description=obj.description, actor=user_actor(request.user))

    @admin.display(description="accuracy (naive rule)")
    def accuracy(self, version: Any) -> str:
        if version.measured is None:
            return "no report"
        return f"{version.measured['value']:.3f} ({version.beside['accuracy']:.3f})"

    @admin.display(description="edge")
    def edge(self, version: Any) -> str:
        lead = version.lead
        if lead is None:
            return ""
        interval = "" if lead["low"] is None else f" [{lead['low']:+.3f}, {lead['high']:+.3f}]"
        return f"{lead['value']:+.3f}{interval}"

    @admin.display(description="see also")
    def links(self, version: ModelVersion) -> SafeString:
        return links_to_related(self.admin_site, version)

    @admin.display(description="walk-forward figures")
    def beside_baseline(self, version: ModelVersion) -> str:
        return render_to_string("admin/registry/figures.html", {"compared": compared(version, None)})

    @admin.display(description="features, in order")
    def features(self, version: ModelVersion) -> str:
        return render_to_string("admin/registry/signature.html", {"signature": version.signature})

    @admin.display(description="report")
    def report(self, version: ModelVersion) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(version.metrics, indent=1))


@admin.register(VersionEdit)
class VersionEditAdmin(ReadOnlyAdmin[VersionEdit]):
    list_display = ("created_at", "version", "actor", "before", "after")
    list_select_related = ("version__model",)
    list_filter = ("version__model",)
    search_fields = ("actor", "version__model__name")


def compared(version: ModelVersion, production: ModelVersion | None) -> dict[str, Any]:
    """The figures of a version, each beside its baseline and beside the version in production, if another."""
    others = {figure.name: figure.value for figure in figures(production.metrics)} if production else {}
    return {
        "version": version,
        "production": production,
        "rows": [(figure, others.get(figure.name, "no report")) for figure in figures(version.metrics)],
    }


def _flat(field: Any) -> tuple[str, ...]:
    return field if isinstance(field, tuple) else (field,)
